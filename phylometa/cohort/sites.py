"""What the metastases of a cohort show, organ by organ: labels, routes, dates and chromosomal instability.

Metastases of one patient are not independent. The interval of a share is Jeffreys' with as many observations as there
are patients (right if the metastases of a patient agree wholly, wide if they do not); that of a measurement is a
bootstrap over patients (percentiles of 2,000 draws). A patient whose labels are uncertain counts with their
probabilities. All functions take the patients' summaries (summary.json). Sites are grouped by
`phylometa.reference.organs.site_group`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from phylometa.cohort.statistics import share_interval
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.label_specs import SITE_LABELS
from phylometa.model.timing import CALENDAR_MODELS
from phylometa.reference.organs import site_group

__all__ = [
    "SiteFrequency",
    "organ_routes",
    "site_label_frequencies",
    "site_measures",
    "site_quantities",
]

Summary = Mapping[str, Any]

METASTATIC = ("lymph_node", "distant")
INSTABILITY = ("ploidy", "altered", "loh", "wgii")
DRAWS = 2000
# The group of all metastases together.
ALL = "all"


@dataclass(frozen=True)
class SiteFrequency:
    """The mean of a quantity over the metastases (or pairs of sites) of a group.

    Parameters
    ----------
    quantity : str
        A label, ``route``, or what is measured (``seeding_age``, ``wgii`` ...).
    group : str
        Organ or class of the site; of the source for a route; ``all``.
    value : str
        The label's value; the target's group for a route; empty for a measurement.
    n_patients, n_sites : int
        Patients and metastases (pairs of sites for a route) behind the mean.
    mean, lo, hi : float
        Mean over sites and its 95 % interval over patients; NaN for a measurement with fewer than three patients.
    """

    quantity: str
    group: str
    value: str
    n_patients: int
    n_sites: int
    mean: float
    lo: float
    hi: float


Tally = Mapping[tuple[str, str, str], Sequence[tuple[int, float]]]


def _means(tally: Tally, interval: Callable[[FloatArray, IntArray], tuple[float, float]]) -> list[SiteFrequency]:
    """(quantity, group, value) -> [(patient, number)] turned into means; `interval` of sums and numbers by patient."""
    rows = []
    for key in sorted(tally):
        patients, numbers = zip(*tally[key])
        _, code = np.unique(patients, return_inverse=True)
        sums = np.bincount(code, weights=numbers).astype(np.float64)
        sizes = np.bincount(code)
        mean = float(sums.sum() / sizes.sum())
        rows.append(SiteFrequency(*key, len(sums), len(numbers), mean, *interval(sums, sizes)))
    return rows


def _over_patients(sums: FloatArray, sizes: IntArray) -> tuple[float, float]:
    n = len(sums)
    _, low, high = share_interval(n * float(sums.sum() / sizes.sum()), n)
    return low, high


def _bootstrap(seed: int) -> Callable[[FloatArray, IntArray], tuple[float, float]]:
    def interval(sums: FloatArray, sizes: IntArray) -> tuple[float, float]:
        n = len(sums)
        if n < 3:
            return math.nan, math.nan
        # the same draws for every row: rows of the same patients can be compared
        drawn = np.random.default_rng([seed, n]).multinomial(n, np.full(n, 1 / n), size=DRAWS)
        low, high = np.quantile((drawn @ sums) / (drawn @ sizes), [0.025, 0.975])
        return float(low), float(high)

    return interval


def _metastases(summary: Summary) -> Iterable[tuple[str, str]]:
    """(name, group) of the sampled metastases."""
    for site in summary.get("sites") or ():
        if site.get("site_class") in METASTATIC and not site.get("is_virtual"):
            yield site["name"], site_group(site["name"], site["site_class"])


def site_label_frequencies(summaries: Sequence[Summary]) -> list[SiteFrequency]:
    """Count how frequent every value of a site's label is, over all metastases and by organ.

    `site_sources` is counted by the sources' groups: the names of other sites mean nothing across patients.
    """
    counted: dict[tuple[str, str], list[tuple[int, Mapping[str, float]]]] = defaultdict(list)
    for number, summary in enumerate(summaries):
        labels = (summary.get("labels") or {}).get("labels") or {}
        groups = {
            site["name"]: site_group(site["name"], site.get("site_class", "")) for site in summary.get("sites") or ()
        }
        for name, group in _metastases(summary):
            for label in SITE_LABELS:
                values = (labels.get(label) or {}).get(name)
                if not values or any(value.startswith(("undetermined", "not_applicable")) for value in values):
                    continue
                if label == "site_sources":
                    values = _by_group(values, groups)
                for key in (ALL, group):
                    counted[label, key].append((number, values))
    tally = {
        (label, group, value): [(number, values.get(value, 0.0)) for number, values in sites]
        for (label, group), sites in counted.items()
        for value in {value for _, values in sites for value in values}
    }
    return _means(tally, _over_patients)


def _by_group(values: Mapping[str, float], groups: Mapping[str, str]) -> dict[str, float]:
    """Probabilities of sets of source sites (``a+b``), of sets of their groups."""
    total: dict[str, float] = defaultdict(float)
    for value, probability in values.items():
        total["+".join(sorted({groups.get(name, name) for name in value.split("+")}))] += probability
    return total


def organ_routes(summaries: Sequence[Summary]) -> list[SiteFrequency]:
    """Compute the migration flow between organs: the share of pairs of sampled sites in which one seeded the other."""
    tally: dict[tuple[str, str, str], list[tuple[int, float]]] = defaultdict(list)
    for number, summary in enumerate(summaries):
        if not summary.get("migration_graph"):
            continue
        probability = {(source, target): p for source, target, p in summary["migration_graph"]}
        sites = [site for site in summary.get("sites") or () if not site.get("is_virtual")]
        for source in sites:
            for target in sites:
                if source is not target:
                    start = site_group(source["name"], source.get("site_class", ""))
                    end = site_group(target["name"], target.get("site_class", ""))
                    tally["route", start, end].append((number, probability.get((source["name"], target["name"]), 0.0)))
    return sorted(
        (row for row in _means(tally, _over_patients) if row.mean > 0),
        key=lambda row: (-row.mean * row.n_sites, row.group, row.value),
    )


def site_measures(summary: Summary) -> dict[str, dict[str, float]]:
    """Collect what is measured of each metastasis: site -> quantity -> number.

    By the joint posterior, otherwise by the clock, of the most probable founding clone: ``seeding_age`` with ``_lo``
    and ``_hi`` (years),
    ``seeding_before_diagnosis`` (years, by the median) and ``p_before_KIND`` (probability that the metastasis was
    seeded before the first event of a kind). Means over the site's samples: ``ploidy altered loh wgii``, and ``wgd``,
    the share of samples with a doubling of the genome.
    """
    timing = summary.get("timing") or {}
    events = sorted(timing.get("events") or (), key=lambda event: event["start_age"])
    found: dict[str, dict[str, float]] = {}
    for name, _ in _metastases(summary):
        measured = found[name] = {}
        samples = [record for record in summary.get("instability") or () if record["site"] == name]
        for quantity in INSTABILITY if samples else ():
            measured[quantity] = fmean(record[quantity] for record in samples)
        if samples:
            measured["wgd"] = fmean((record.get("wgd_probability") or 0.0) > 0.5 for record in samples)
        dated = [
            interval
            for interval in timing.get("intervals") or ()
            if (interval["site"], interval["unit"]) == (name, "age_years") and interval["model"] in CALENDAR_MODELS
        ]
        if not dated:
            continue
        order = {model: i for i, model in enumerate(CALENDAR_MODELS)}
        interval = min(dated, key=lambda interval: (order[interval["model"]], -interval["probability"]))
        age = interval["seeding"]["median"]
        measured |= {"seeding_age": age, **{f"seeding_age_{end}": interval["seeding"][end] for end in ("lo", "hi")}}
        for event in events:
            if event["name"] in interval["p_before"]:
                measured.setdefault(f"p_before_{event['kind']}", interval["p_before"][event["name"]])
            if event["kind"] == "diagnosis":
                measured.setdefault("seeding_before_diagnosis", event["start_age"] - age)
    return found


def site_quantities(summaries: Sequence[Summary], *, seed: int = 1) -> list[SiteFrequency]:
    """Summarise dates and instability of metastases (`site_measures`), over all and by organ."""
    tally: dict[tuple[str, str, str], list[tuple[int, float]]] = defaultdict(list)
    for number, summary in enumerate(summaries):
        measured = site_measures(summary)
        for name, group in _metastases(summary):
            for quantity, value in measured[name].items():
                if quantity not in ("seeding_age_lo", "seeding_age_hi") and value is not None and math.isfinite(value):
                    for key in (ALL, group):
                        tally[quantity, key, ""].append((number, value))
    return _means(tally, _bootstrap(seed))
