"""What a cohort shows: how frequent a pattern is, who seeds whom, and whether a label goes with a clinical column.

Patients enter with the probabilities of their labels, not with their most probable values: an uncertain patient counts
for what is known of them. All functions take the patients' summaries (summary.json) and return rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

__all__ = [
    "AssociationTest",
    "Frequency",
    "COHORT_LABELS",
    "adjusted",
    "label_association",
    "label_frequencies",
    "parallel_drivers",
    "route_frequencies",
    "share_interval",
]

Summary = Mapping[str, Any]

# Labels of a patient that the tables of a cohort show and count, by the names of labels.json.
COHORT_LABELS = (
    *("pattern", "clonality_site", "clonality_machina", "phyletic", "reseeding_primary", "self_seeding"),
    *("local_recurrence", "met_to_met", "cascade", "cross_seeding"),
)


@dataclass(frozen=True)
class Frequency:
    """How frequent a value is among the patients of a group.

    Parameters
    ----------
    label, group, value : str
    n_patients : int
        Patients for whom the label has a meaning.
    expected : float
        Sum of the value's probabilities over them.
    share, share_lo, share_hi : float
        Posterior mean and 95 % interval of the share.
    """

    label: str
    group: str
    value: str
    n_patients: int
    expected: float
    share: float
    share_lo: float
    share_hi: float


def share_interval(expected: float, n: int) -> tuple[float, float, float]:
    """Compute mean and 95 % interval of a share: Beta(x + 1/2, n - x + 1/2), Jeffreys' prior, x the expected count."""
    from scipy.special import betaincinv

    a, b = expected + 0.5, n - expected + 0.5
    low, high = betaincinv(a, b, [0.025, 0.975])
    return a / (a + b), float(low), float(high)


def _is_meaningful(values: Mapping[str, float]) -> bool:
    """A label that an override replaced (no primary sample, unrelated tumours) says nothing about its frequency."""
    return not any(value.startswith(("undetermined", "not_applicable")) for value in values)


def label_frequencies(summaries: Sequence[Summary], *, group: str | None = None) -> list[Frequency]:
    """Compute the share of every value of every patient label, over all patients or by the column `group`.

    Parameters
    ----------
    summaries : sequence of mapping
        summary.json of the patients.
    group : str, optional
        Key of ``summary["clinical"]``, e.g. ``cancer_type``.

    Returns
    -------
    list of Frequency
        By label, group and value. The interval treats patients as a sample; the uncertainty of each patient's label is
        in the expected count.
    """
    tally: dict[tuple[str, str], list[Mapping[str, float]]] = defaultdict(list)
    for summary in summaries:
        name = "all" if group is None else str((summary.get("clinical") or {}).get(group) or "unknown")
        labels = (summary.get("labels") or {}).get("labels") or {}
        for label in COHORT_LABELS:
            values = labels.get(label)
            if values and _is_meaningful(values):
                tally[label, name].append(values)
    rows = []
    for (label, name), patients in sorted(tally.items()):
        for value in sorted({value for values in patients for value in values}):
            expected = sum(values.get(value, 0.0) for values in patients)
            rows.append(
                Frequency(label, name, value, len(patients), expected, *share_interval(expected, len(patients)))
            )
    return rows


def route_frequencies(summaries: Sequence[Summary]) -> list[Frequency]:
    """Count how often one site seeded another, among the patients in whom both were sampled.

    Returns
    -------
    list of Frequency
        ``label`` is ``route``, ``group`` the source, ``value`` the target; most expected migrations first.
    """
    both: dict[tuple[str, str], int] = defaultdict(int)
    expected: dict[tuple[str, str], float] = defaultdict(float)
    for summary in summaries:
        names = [site["name"] for site in summary.get("sites", ()) if not site.get("is_virtual")]
        for source in names:
            for target in names:
                if source != target:
                    both[source, target] += 1
        for source, target, probability in summary.get("migration_graph") or ():
            if (source, target) in both:
                expected[source, target] += probability
    rows = [
        Frequency("route", source, target, both[source, target], total, *share_interval(total, both[source, target]))
        for (source, target), total in expected.items()
    ]
    return sorted(rows, key=lambda row: (-row.expected, row.group, row.value))


@dataclass(frozen=True)
class AssociationTest:
    """Whether a label's value goes with a clinical column.

    Parameters
    ----------
    label, value, column : str
    n_patients : int
    shares : mapping
        Group -> mean probability of the value.
    p_value : float
        Permutation test; NaN with fewer than two groups.
    q_value : float
        The same, adjusted for all tests of the cohort (Benjamini & Hochberg); NaN before `adjusted`.
    """

    label: str
    value: str
    column: str
    n_patients: int
    shares: Mapping[str, float]
    p_value: float
    q_value: float = float("nan")


def label_association(
    summaries: Sequence[Summary],
    column: str,
    *,
    label: str,
    value: str,
    rng: np.random.Generator,
    permutations: int = 9999,
) -> AssociationTest:
    """Test a label's value against a clinical column by permutation.

    The statistic is the between-group sum of squares of the patients' probabilities, sum_g n_g (mean_g - mean)^2; the
    column is permuted over the patients; p = (1 + number at least as large) / (1 + permutations). It is exact whatever
    the distribution of the probabilities (Phipson & Smyth 2010, doi:10.2202/1544-6115.1585).

    Parameters
    ----------
    summaries : sequence of mapping
    column : str
        Key of ``summary["clinical"]``; patients without it are left out.
    label, value : str
    rng : numpy.random.Generator
    permutations : int
    """
    probabilities, groups = [], []
    for summary in summaries:
        group = (summary.get("clinical") or {}).get(column)
        values = ((summary.get("labels") or {}).get("labels") or {}).get(label)
        if group not in (None, "") and values and _is_meaningful(values):
            probabilities.append(float(values.get(value, 0.0)))
            groups.append(str(group))
    names = sorted(set(groups))
    x = np.array(probabilities)
    code = np.array([names.index(group) for group in groups], dtype=np.int64)
    sizes = np.bincount(code, minlength=len(names)) if names else np.zeros(0)
    shares = {name: float(x[code == g].mean()) for g, name in enumerate(names)}
    if len(names) < 2:
        return AssociationTest(label, value, column, len(x), shares, float("nan"))

    def statistic(order: np.ndarray) -> float:
        means = np.bincount(order, weights=x, minlength=len(names)) / sizes
        return float((sizes * (means - x.mean()) ** 2).sum())

    observed = statistic(code)
    larger = sum(statistic(rng.permutation(code)) >= observed - 1e-12 for _ in range(permutations))
    return AssociationTest(label, value, column, len(x), shares, (1 + larger) / (1 + permutations))


def adjusted(tests: Sequence[AssociationTest]) -> list[AssociationTest]:
    """Select tests that compare at least two groups, and add the false discovery rate at which each would be called.

    Benjamini & Hochberg 1995; the values of one label are dependent, which this procedure bears if the dependence is
    positive (Benjamini & Yekutieli 2001).
    """
    kept = [test for test in tests if len(test.shares) > 1]
    p_values = np.array([test.p_value for test in kept])
    order = np.argsort(-p_values)  # the largest first: of rank n, n - 1, ...
    ranks = np.arange(len(kept), 0, -1)
    q_values = np.empty(len(kept))
    q_values[order] = np.minimum.accumulate(np.minimum(p_values[order] * len(kept) / ranks, 1.0))
    return [replace(test, q_value=float(q)) for test, q in zip(kept, q_values)]


def parallel_drivers(summaries: Sequence[Summary]) -> list[tuple[str, int, float]]:
    """Find genes hit twice independently within a patient: (gene, patients with any support, expected patients)."""
    total: dict[str, float] = defaultdict(float)
    patients: dict[str, int] = defaultdict(int)
    for summary in summaries:
        for gene, probability in ((summary.get("labels") or {}).get("parallel_evolution_probability") or {}).items():
            if probability:
                total[gene] += probability
                patients[gene] += 1
    return sorted(((gene, patients[gene], total[gene]) for gene in total), key=lambda row: (-row[2], row[0]))
