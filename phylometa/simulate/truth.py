"""A simulated patient and the truth behind it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from phylometa.model.arrays import BoolArray, FloatArray, IntArray, freeze_array
from phylometa.model.clone_tree import CloneTree
from phylometa.model.history import HistoryEnsemble, MigrationHistory, TreeHistories
from phylometa.model.patient import CopyNumberProfile, Patient
from phylometa.simulate.loci import CLASS_OF_CAUSE
from phylometa.simulate.settings import SimulationSettings

__all__ = ["CopyNumberEvent", "SimulatedPatient", "SimulationTruth"]


@dataclass(frozen=True, slots=True)
class CopyNumberEvent:
    """One copy-number event on an edge of the clone tree.

    Parameters
    ----------
    clone : int
        The event is on the edge into this clone.
    age : float
        Age of the patient (years).
    kind : {"gain", "loss", "loh", "wgd"}
        ``loh``: copy-neutral, one copy of `allele` lost, one of the other gained. ``wgd``: all copies doubled.
    size : {"chromosome", "arm", "focal", "genome"}
    chrom : str
        Empty for ``wgd``.
    start, end : int
        0-based, half-open.
    allele : int
        0 or 1; -1 for ``wgd``.
    copy : float
        Which copy of the allele is hit, as a fraction in [0, 1) of the copies it has.
    """

    clone: int
    age: float
    kind: str
    size: str
    chrom: str
    start: int
    end: int
    allele: int
    copy: float


@dataclass(frozen=True, eq=False)
class SimulationTruth:
    """What really happened; K clones, n listed mutations, S samples, E edges of the history.

    Parameters
    ----------
    tree : CloneTree
        Its `n_mutations` counts every mutation of an edge, called or not.
    n_called : int64 array (K,)
        Mutations of each edge that the table lists.
    clone_age : float64 array (K,)
        Age (years) at which the clone's founding cell arose; an edge's mutations fall before it.
    history : MigrationHistory
        On (clone, site) nodes.
    arrival_age : float64 array (E,)
        Age at which the child population of each history edge was founded. For a new clone that is its `clone_age`,
        the founder node; if a clone spreads without a new one, it is later, since many of its cells left together.
    seeding_age : float64 array (E,)
        Age at which the cell left the source site; NaN on edges within a site.
    presence : bool array (K, n_sites)
        Clone sampled as its own population in the site.
    sample_site : tuple of str, length S
        Where each sample was taken; the patient's samples hold what the sheet states.
    proportions : float64 array (K, S)
        Share of each clone among the tumour cells of each sample; columns add up to 1.
    purity : float64 array (S,)
    causes : tuple of str, length n
        What is behind each listed locus: ``clone`` (a mutation of the clone tree), ``tail`` (neutral, within a clone),
        ``recurrent``, ``scattered``, ``ffpe``, ``oxidation`` (artefacts), ``germline``.
    clone : int64 array (n,)
        Clone on whose edge each mutation fell; -1 unless it is one of the clone tree.
    age : float64 array (n,)
        Age at which each mutation fell; NaN unless it is one of the clone tree.
    allele : int64 array (n,)
        0 or 1; -1 unless it is one of the clone tree.
    multiplicity : int64 array (n, K)
        Mutated copies in a cell of each clone; 0 if it was lost or never there.
    expected_vaf : float64 array (n, S)
        Share of mutated molecules, before sequencing error.
    copy_number_events : tuple of CopyNumberEvent
    profile : CopyNumberProfile
        Exact copies of both alleles in every clone (its samples are the clones), phased.
    """

    tree: CloneTree
    n_called: IntArray
    clone_age: FloatArray
    history: MigrationHistory
    arrival_age: FloatArray
    seeding_age: FloatArray
    presence: BoolArray
    sample_site: tuple[str, ...]
    proportions: FloatArray
    purity: FloatArray
    causes: tuple[str, ...]
    clone: IntArray
    age: FloatArray
    allele: IntArray
    multiplicity: IntArray
    expected_vaf: FloatArray
    copy_number_events: tuple[CopyNumberEvent, ...]
    profile: CopyNumberProfile

    def __post_init__(self) -> None:
        n_clones, n, n_samples = self.tree.n_clones, len(self.clone), len(self.purity)
        n_edges = len(self.history.edges)
        freeze_array(self, "n_called", np.int64, (n_clones,))
        freeze_array(self, "clone_age", np.float64, (n_clones,))
        freeze_array(self, "presence", np.bool_, (n_clones, None))
        freeze_array(self, "proportions", np.float64, (n_clones, n_samples))
        for name in ("arrival_age", "seeding_age"):
            freeze_array(self, name, np.float64, (n_edges,))
        freeze_array(self, "purity", np.float64, (n_samples,))
        for name, dtype in (("clone", np.int64), ("age", np.float64), ("allele", np.int64)):
            freeze_array(self, name, dtype, (n,))
        freeze_array(self, "multiplicity", np.int64, (n, n_clones))
        freeze_array(self, "expected_vaf", np.float64, (n, n_samples))

    @cached_property
    def prevalence(self) -> FloatArray:
        """phi = B eta (K, S): share of the tumour cells that descend from each clone (the sum condition holds)."""
        return self.tree.is_ancestor.astype(float) @ self.proportions

    @property
    def ccf(self) -> FloatArray:
        """Share of the tumour cells of each sample that carry each mutation (n, S); losses counted.

        NaN unless the mutation is one of the clone tree.
        """
        carried = (self.multiplicity > 0) @ self.proportions
        return np.asarray(np.where(self.clone[:, None] >= 0, carried, np.nan), dtype=np.float64)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class of every listed locus: ``clone``, ``tail``, ``artefact`` or ``germline``."""
        return tuple(CLASS_OF_CAUSE[cause] for cause in self.causes)

    def history_ensemble(self, site_names: tuple[str, ...]) -> HistoryEnsemble:
        """Return the true history as an ensemble of one, weight 1: the input of the seeding rules."""
        history = self.history
        criteria = {
            "unobserved": history.unobserved,
            "migrations": history.n_migrations,
            "comigrations": history.comigrations,
            "seeding_sites": history.seeding_sites,
        }
        tree = TreeHistories(
            tree=0,
            weight=1.0,
            presence=self.presence,
            criteria=criteria,
            n_histories=1,
            complete=True,
            histories=(history,),
        )
        return HistoryEnsemble((tree,), site_names)


@dataclass(frozen=True, eq=False)
class SimulatedPatient:
    """A patient as an analysis sees it, with the reads of the matched normal, and its truth.

    Parameters
    ----------
    patient : Patient
    truth : SimulationTruth
    settings : SimulationSettings
    """

    patient: Patient
    truth: SimulationTruth
    settings: SimulationSettings
