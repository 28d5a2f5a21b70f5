"""Everything inferred about one patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from phylometa.model.clusters import CcfTable, Clustering
from phylometa.model.comparison import Comparison
from phylometa.model.patient import Patient

if TYPE_CHECKING:
    pass

from phylometa.model.history import HistoryEnsemble
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

    __repr__ = short_repr
