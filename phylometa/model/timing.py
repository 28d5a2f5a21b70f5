"""What the timing stage says: dissemination intervals, divergence rows, growth, events, refusals and warnings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from phylometa.model.frames import frame_of_records
from phylometa.model.interval import Estimate
from phylometa.model.short_repr import short_repr

__all__ = [
    "CALENDAR_MODELS",
    "CLOCK_RATES",
    "DivergenceRow",
    "GainRow",
    "GrowthChangeRow",
    "GrowthRow",
    "LesionRow",
    "RateRow",
    "ReseedingRow",
    "SeedingInterval",
    "SourceCheck",
    "StampRow",
    "TimedEvent",
    "TimingResult",
    "best_dates",
]


@dataclass(frozen=True, slots=True)
class TimedEvent:
    """A treatment or a diagnosis on the age axis.

    Parameters
    ----------
    name : str
        Letters, digits and ``_``, unique in a patient; part of the column ``p_before_<name>``.
    kind, site : str
    start_age, end_age : float
        Years; equal if only one date is known.
    """

    name: str
    kind: str
    site: str
    start_age: float
    end_age: float


@dataclass(frozen=True, slots=True)
class SeedingInterval:
    """When one founding clone reached one site: between the divergence node and the metastasis' founder node.

    Parameters
    ----------
    site, founding_clone : str
    unit : {"molecular", "age_years"}
        Expected clock mutations since the germline, or the patient's age.
    model : str
        ``molecular``; ``joint``: clock, growth, dates and treatment stamps, both growth models by their evidence;
        ``joint_exponential``, ``joint_gompertz``: the same under one growth model; ``clock``: without growth;
        ``clock_cpg``: the same without the second clock; ``growth_exponential``,
        ``growth_gompertz``: without the clock; ``without_cohort``: as the first of these, without what a cohort says
        of the acceleration; ``hu2020``.
    probability : float
        Posterior probability that this clone founded this site; the estimates are given that it did.
    divergence, founder, seeding : Estimate
        `seeding` is uniform between the two nodes.
    sources : mapping
        Site -> probability that it was the source, given this migration.
    p_before, p_during : mapping
        Event name -> probability that the seeding came before it, fell within it (age_years only).
    variance_shares : mapping
        Layer -> share of the variance of the seeding time. Molecular: ``counts``, ``reads``, ``tree``, ``interval``,
        each alone. Ages: ``tree``, ``acceleration``, ``rate``, ``interval``, in this order, and ``counts`` the rest.
    narrowed_by : mapping
        Source (``growth``, ``clock``) -> share by which it narrows the interval of the seeding: 1 minus the width with
        it over the width without it; negative if it widens.
    notes : tuple of str
    """

    site: str
    founding_clone: str
    unit: str
    model: str
    probability: float
    divergence: Estimate
    founder: Estimate
    seeding: Estimate
    sources: Mapping[str, float] = field(default_factory=dict)
    p_before: Mapping[str, float] = field(default_factory=dict)
    p_during: Mapping[str, float] = field(default_factory=dict)
    variance_shares: Mapping[str, float] = field(default_factory=dict)
    narrowed_by: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    __repr__ = short_repr


CLOCK_RATES = tuple(f"{clock}{name}" for clock in ("", "second_") for name in ("before", "after", "acceleration"))
"""Names of `RateRow` that are no site's."""

CALENDAR_MODELS = ("joint", "clock", "growth_exponential", "growth_gompertz")
"""Models of ages that stand for a migration, the one with the most evidence first."""


def best_dates(intervals: Iterable[SeedingInterval]) -> dict[tuple[str, str], SeedingInterval]:
    """Find the age interval with the most evidence of every (site, founding clone)."""
    found: dict[tuple[str, str], SeedingInterval] = {}
    rows = [x for x in intervals if x.unit == "age_years" and x.model in CALENDAR_MODELS]
    for x in sorted(rows, key=lambda x: CALENDAR_MODELS.index(x.model)):
        found.setdefault((x.site, x.founding_clone), x)
    return found


@dataclass(frozen=True, slots=True)
class DivergenceRow:
    """A primary-metastasis pair. Numbers that must not be used are NaN, and `notes` says why.

    Parameters
    ----------
    metastasis : str
    S, L_p, L_m, W_s : float
        Clonal in both; clonal and private to the primary, to the metastasis; subclonal in both.
    rho, rho_lo, rho_hi : float
        lambda_m / lambda_p: median and 95 % interval.
    H, ratio : float
        L_m / (L_p + 1) (Hu 2019) and L_m / max(L_p, 1) (Hu 2020, biased upwards), named legacy statistics.
    jsi : float
    p_value : float
        Of the divergence test; small = early.
    call : {"early", "late", "undetermined"}
    pm_divergence : float
        L_p + L_m.
    shared_fraction : float
        S / (S + L_p).
    p_carries_all : float
        P(the metastasis lacks none of the primary's clonal mutations | reads): the error-tolerant "late".
    jsi_call : {"polyclonal", "monoclonal", "undefined"}
    n_unknown, n_unknown_primary, n_lost : int
        Clonal in the primary and neither seen nor surely absent in the metastasis; the reverse; left out because a
        loss may have removed them.
    upper_bound : float
        95 % upper bound of the primary's clonal mutations that the metastasis lacks.
    hu2020_years : float
        Seeding time of Hu et al. 2020, years before the primary's diagnosis, if a table gives the cancer type.
    patient : str
    notes : tuple of str
    """

    metastasis: str
    S: float
    L_p: float
    L_m: float
    W_s: float
    rho: float
    rho_lo: float
    rho_hi: float
    H: float
    jsi: float
    p_value: float
    call: str
    ratio: float
    pm_divergence: float
    shared_fraction: float
    jsi_call: str
    p_carries_all: float = float("nan")
    n_unknown: int = 0
    n_unknown_primary: int = 0
    n_lost: int = 0
    upper_bound: float = float("nan")
    hu2020_years: float = float("nan")
    patient: str = ""
    notes: tuple[str, ...] = ()

    __repr__ = short_repr


@dataclass(frozen=True, slots=True)
class GrowthRow:
    """A lesion traced back to its first cell by its size.

    Parameters
    ----------
    site : str
    diameter_cm : float
    doubling_days, doubling_sd : float
        From the table, or from the lesion's serial diameters.
    source : str
        Of the doubling time.
    exponential_years, gompertz_years : Estimate
        Years from the first cell to the measurement; NaN if a model cannot hold.
    exponential_age, gompertz_age : Estimate or None
        The patient's age at the first cell, if the age at measurement is known.
    statement : str
        The two models beside each other.
    """

    site: str
    diameter_cm: float
    doubling_days: float
    doubling_sd: float
    source: str
    exponential_years: Estimate
    gompertz_years: Estimate
    exponential_age: Estimate | None
    gompertz_age: Estimate | None
    statement: str


@dataclass(frozen=True, slots=True)
class LesionRow:
    """Growth of one lesion under the one posterior.

    Parameters
    ----------
    site : str
    model : {"joint", "exponential", "gompertz"}
        ``joint``: both growth models by their probability, if the clock tells it.
    arrival : Estimate
        Age at the first arrival in the site.
    doubling_days : Estimate
        Doubling time (days); of the Gompertz model at a diameter of 2 cm.
    rest_years : Estimate
        Time between arrival and the start of growth.
    p_dormant : float
        P(the rest was longer than a year).
    """

    site: str
    model: str
    arrival: Estimate
    doubling_days: Estimate
    rest_years: Estimate
    p_dormant: float


@dataclass(frozen=True, slots=True)
class RateRow:
    """A rate of the clock: one of `CLOCK_RATES`, or a site's lineage over the primary's; `model` as in
    `SeedingInterval`. ``before`` and ``after`` transformation are clock mutations per year, ``acceleration`` is their
    ratio; ``second_...`` are those of the second clock, where there is one."""

    model: str
    name: str
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class SourceCheck:
    """Whether two sources agree about a site: a prior predictive check.

    Parameters
    ----------
    site : str
    model : {"exponential", "gompertz"}
    checked, given : str
        ``growth`` given ``clock``: the measured size among those that the clock's arrivals predict. ``clock`` given
        ``growth``: the mutations up to the founding clone among those that the growth's times predict.
    p_value : float
        Two-sided; small = conflict.
    statement : str
    """

    site: str
    model: str
    checked: str
    given: str
    p_value: float
    statement: str


@dataclass(frozen=True, slots=True)
class StampRow:
    """A therapy's mutational process on the branch of one clone.

    Parameters
    ----------
    clone, therapy : str
    exposure_age : float
        Age at the start of the exposure (years).
    n_mutations : int
        Mutations of the branch with a channel in the table of signatures.
    share : Estimate
        Share of them that the process explains, if it acted.
    p_exposed : float
        P(the process acted on the branch), so that the branch ended after the exposure began; prior 1/2.
    """

    clone: str
    therapy: str
    exposure_age: float
    n_mutations: int
    share: Estimate
    p_exposed: float


@dataclass(frozen=True, slots=True)
class GrowthChangeRow:
    """Growth of a lesion outside the field before and after a course of radiotherapy.

    Parameters
    ----------
    site, course : str
    before, after, change : Estimate
        Specific growth rate of the volume (per year): from the sizes before the start, from those after it, their
        difference.
    p_slower : float
        P(the lesion grew more slowly afterwards | sizes).
    sizes : tuple of str
        The sizes that carry it.
    confounders : tuple of str
        Systemic treatments that began between the first and the last size.
    """

    site: str
    course: str
    before: Estimate
    after: Estimate
    change: Estimate
    p_slower: float
    sizes: tuple[str, ...]
    confounders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GainRow:
    """Time of a copy-number gain or a genome doubling in one sample.

    Parameters
    ----------
    sample, site : str
    kind : {"gain", "genome_doubling"}
    chrom, state : str
        Chromosome (empty for a doubling) and copies of the two alleles, e.g. ``2+1``.
    n_mutations : int
    estimate, median, lo, hi : float
        As a share of the molecular time to the sample's last common ancestor.
    p_before_divergence : float
        P(the gain precedes the metastasis' divergence from the primary); NaN in the primary.
    """

    sample: str
    site: str
    kind: str
    chrom: str
    state: str
    n_mutations: int
    estimate: float
    median: float
    lo: float
    hi: float
    p_before_divergence: float


@dataclass(frozen=True, slots=True)
class ReseedingRow:
    """Evidence that an irradiated site was seeded again by a metastasis.

    Parameters
    ----------
    site, treatment : str
    grade : {"strong", "moderate", "insufficient"}
    observations : tuple of str
        What led there.
    probability_of_return : float
        Probability of a migration from a metastasis into the site.
    """

    site: str
    treatment: str
    grade: str
    observations: tuple[str, ...]
    probability_of_return: float


@dataclass(frozen=True, slots=True)
class TimingResult:
    """Everything the timing stage says about a patient.

    Parameters
    ----------
    intervals : tuple of SeedingInterval
        By site, probability, model.
    divergence : tuple of DivergenceRow
        One per metastasis; empty if the primary is not sampled.
    growth : tuple of GrowthRow
    lesions : tuple of LesionRow
    rates : tuple of RateRow
    checks : tuple of SourceCheck
    stamps : tuple of StampRow
    growth_changes : tuple of GrowthChangeRow
    gains : tuple of GainRow
    reseeding : tuple of ReseedingRow
    events : tuple of TimedEvent
    nodes : mapping
        Clone -> Estimate of its molecular time (end of its edge), over trees and counts.
    node_ages : mapping
        Clone -> Estimate of the age at its founding cell, by the joint posterior (by the clock without lesions); empty
        without calendar dates.
    p_exponential : float
        Posterior probability of exponential against Gompertz growth (prior 1/2 each); NaN without both.
    clock : str
        Mutations that make the clock: ``cpg`` (C>T at CpG), ``snv`` (all), or ``cpg+other``, the others as a second.
    n_clock_mutations : int
        Of the first clock.
    synchronous : mapping
        Metastatic site -> True, False, or None if a date is missing.
    n_metastatic_sites : int
    oligometastatic : bool or None
        One to five metastatic sites; None without any.
    refusals : tuple of str
        What cannot be said, and why.
    warnings : tuple of str
    """

    intervals: tuple[SeedingInterval, ...]
    divergence: tuple[DivergenceRow, ...]
    growth: tuple[GrowthRow, ...] = ()
    lesions: tuple[LesionRow, ...] = ()
    rates: tuple[RateRow, ...] = ()
    checks: tuple[SourceCheck, ...] = ()
    stamps: tuple[StampRow, ...] = ()
    growth_changes: tuple[GrowthChangeRow, ...] = ()
    gains: tuple[GainRow, ...] = ()
    reseeding: tuple[ReseedingRow, ...] = ()
    events: tuple[TimedEvent, ...] = ()
    nodes: Mapping[str, Estimate] = field(default_factory=dict)
    node_ages: Mapping[str, Estimate] = field(default_factory=dict)
    p_exponential: float = math.nan
    clock: str = "snv"
    n_clock_mutations: int = 0
    synchronous: Mapping[str, bool | None] = field(default_factory=dict)
    n_metastatic_sites: int = 0
    oligometastatic: bool | None = None
    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    __repr__ = short_repr

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> TimingResult:
        """Read the result of a ``timing.json``; null numbers become NaN.

        Parameters
        ----------
        document : mapping
            `dataclasses.asdict` of a result, through JSON.
        """

        def number(value: float | None) -> float:
            return math.nan if value is None else value

        def estimate(item: Mapping[str, Any] | None) -> Estimate | None:
            return None if item is None else Estimate(*(number(item[name]) for name in ("median", "lo", "hi")))

        def row(kind: Any, item: Mapping[str, Any]) -> Any:
            values: dict[str, Any] = {}
            for spec in fields(kind):
                value = item[spec.name]
                if spec.type in ("Estimate", "Estimate | None"):
                    value = estimate(value)
                elif spec.type == "float":
                    value = number(value)
                values[spec.name] = tuple(value) if isinstance(value, list) else value
            return kind(**values)

        kinds = {
            "intervals": SeedingInterval,
            "divergence": DivergenceRow,
            "growth": GrowthRow,
            "lesions": LesionRow,
            "rates": RateRow,
            "checks": SourceCheck,
            "stamps": StampRow,
            "growth_changes": GrowthChangeRow,
            "gains": GainRow,
            "reseeding": ReseedingRow,
            "events": TimedEvent,
        }
        read: dict[str, Any] = {name: tuple(row(kind, item) for item in document[name]) for name, kind in kinds.items()}
        for name in ("nodes", "node_ages"):
            read[name] = {clone: estimate(item) for clone, item in document[name].items()}
        read["p_exponential"] = number(document["p_exponential"])
        rest = [spec.name for spec in fields(cls) if spec.name not in read]
        read |= {name: tuple(v) if isinstance(v := document[name], list) else v for name in rest}
        return cls(**read)

    def to_frame(self, library: str | None = None) -> Any:
        """Tabulate divergence, founder and seeding of every migration under every model, one row each.

        Parameters
        ----------
        library : {"pandas", "polars", "dict"}, optional
            As in `phylometa.model.frames.frame_of_rows`.
        """
        return frame_of_records(SeedingInterval, self.intervals, library)
