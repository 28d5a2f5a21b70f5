"""Everything inferred about one patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from phylometa.model.circulation import Circulation
from phylometa.model.clusters import CcfTable, Clustering
from phylometa.model.comparison import Comparison
from phylometa.model.history import HistoryEnsemble
from phylometa.model.patient import Patient
from phylometa.model.quality import QualityReport
from phylometa.model.short_repr import short_repr
from phylometa.model.tree_ensemble import TreeEnsemble

__all__ = ["PatientResult"]


@dataclass(frozen=True, eq=False)
class PatientResult:
    """Everything inferred about one patient; a later stage's field is None until it has run.

    Parameters
    ----------
    patient : Patient
        With estimated purities filled in.
    ccf : CcfTable
    clusters : Clustering
    trees : TreeEnsemble
    histories : HistoryEnsemble
    labels : phylometa.seeding.SeedingLabels
    timing : phylometa.timing.infer.TimingResult
    copy_number : phylometa.copy_number.CopyNumberResult or None
    quality : QualityReport
    settings : phylometa.config.Settings
    warnings : tuple of str
    comparison : Comparison
        Primary against every metastasis; made with the labels.
    circulation : Circulation or None
        Clones in the samples that name no site; None if there are no such samples. Made with the trees.
    clone_colours : mapping
        Clone -> ``#rrggbb`` in figures, as far as the user chose (`phylometa.plots.colours`).
    """

    patient: Patient
    ccf: CcfTable | None = None
    clusters: Clustering | None = None
    trees: TreeEnsemble | None = None
    histories: HistoryEnsemble | None = None
    labels: Any = None
    timing: Any = None
    copy_number: Any = None
    quality: QualityReport | None = None
    settings: Any = None
    warnings: tuple[str, ...] = ()
    comparison: Comparison | None = None
    circulation: Circulation | None = None
    clone_colours: Mapping[str, str] = field(default_factory=dict)

    __repr__ = short_repr

    @cached_property
    def in_place(self) -> PatientResult:
        """The result with the samples that stand for their site (`Patient.in_place`): what is drawn and said of sites.

        The same object if that is every sample.
        """
        patient = self.patient.in_place
        if patient is self.patient:
            return self
        columns = self.patient.samples_in_place
        return replace(
            self,
            patient=patient,
            ccf=None if self.ccf is None else self.ccf.take_samples(columns),
            clusters=None if self.clusters is None else self.clusters.take_samples(columns),
            trees=None if self.trees is None else self.trees.take_samples(columns),
        )

    @cached_property
    def of_reads(self) -> PatientResult:
        """The result with the mutations that reads show, without copy-number events: what is counted and dated.

        The same object if no event is among the mutations.
        """
        patient = self.patient.of_reads
        if patient is self.patient:
            return self
        rows = np.flatnonzero(~self.patient.mutations.is_event)
        return replace(
            self,
            patient=patient,
            ccf=None if self.ccf is None else self.ccf.take(rows),
            clusters=None if self.clusters is None else self.clusters.take(rows),
        )
