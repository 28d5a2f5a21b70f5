"""How statements are compared with the truth: one implementation for every study.

A *statement* is a label of a patient or of a site with its distribution, or a route between two sites. Scored are the
share that is right, the calibration error, the log score, and how many of the supported (.95) and favoured (.8 to .95)
are wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

LABELS = (
    "pattern",
    "clonality_site",
    "clonality_machina",
    "clonality_metient_genetic",
    "phyletic",
    "phyletic_mach2",
    "phyletic_metient",
    "phyletic_clade",
    "reseeding_primary",
    "self_seeding",
    "local_recurrence",
    "met_to_met",
    "cascade",
    "cross_seeding",
    "primary_seeded_sites",
    "site_seeding",
    "site_sources",
    "ln_route",
    "ongoing_evolution",
)
"""All labels of a history but `seeding_clones_primary`, which names clones by numbers that truth does not know."""
NOT_ENTERED = "not entered"
FLOOR = 1e-3  # least probability in the log score
SUPPORTED, FAVOURED = 0.95, 0.8
Distributions = Mapping[tuple[str, str], Mapping[str, float]]


class LabelScore(NamedTuple):
    """One label instance: P(the true value), P(the best value), whether the best is right, Brier score, its level."""

    label: str
    p_true: float
    confidence: float
    is_right: bool
    brier: float
    level: str


class Totals(NamedTuple):
    """Figures of many label instances; shares are NaN without instances."""

    n: int
    accuracy: float
    brier: float
    log_score: float
    calibration_error: float
    supported: int
    supported_wrong: int
    favoured: int
    favoured_wrong: int


def level_of(probability: float) -> str:
    """``supported``, ``favoured`` or ``not determined``, as a probability alone gives it."""
    return "supported" if probability >= SUPPORTED else "favoured" if probability >= FAVOURED else "not determined"


def shown_labels(labels) -> tuple[dict[tuple[str, str], dict[str, float]], dict[tuple[str, str], str]]:
    """Distributions and levels of a patient's labels as the results show them, by (label, site or "")."""
    shown = labels.with_override()
    distributions: dict[tuple[str, str], dict[str, float]] = {}
    levels: dict[tuple[str, str], str] = {}
    for name in LABELS:
        part, status = shown.labels.get(name, {}), shown.status.get(name, {})
        is_of_sites = bool(part) and all(isinstance(values, dict) for values in part.values())
        for site, values in part.items() if is_of_sites else [("", part)] if part else []:
            distributions[name, site] = {value: round(float(p), 5) for value, p in values.items()}
            levels[name, site] = status[site] if is_of_sites else status
    return distributions, levels


def label_scores(
    found: Distributions, truth: Mapping[str, object], levels: Mapping[tuple[str, str], str] | None = None
) -> Iterator[LabelScore]:
    """Scores of every label instance.

    `found` is (label, site or "") -> {value: probability}. A site that is entered with a probability below 1 has the
    value ``not entered`` for the rest. `levels`: as the results state them; default, as the probabilities alone would.
    """
    for name in LABELS:
        of_truth = truth[name] if isinstance(truth[name], dict) else {"": truth[name]}
        keys = {site for label, site in found if label == name and site} | set(of_truth)
        for site in sorted(keys):
            true_value = of_truth.get(site, NOT_ENTERED)
            part = dict(found.get((name, site), {}))
            rest = 1 - sum(part.values())
            if rest > 1e-6:
                part[NOT_ENTERED] = rest
            best = max(part, key=lambda value: part[value])
            brier = sum((p - (value == true_value)) ** 2 for value, p in part.items())
            brier += 0 if true_value in part else 1
            level = level_of(part[best]) if levels is None else levels.get((name, site), "not determined")
            yield LabelScore(name, part.get(true_value, 0.0), part[best], best == true_value, brier, level)


def calibration_error(pairs: Sequence[tuple[float, float]] | np.ndarray, bins: int = 10) -> float:
    """Expected calibration error of (probability, hit) pairs over equal bins; NaN without pairs."""
    if not len(pairs):
        return float("nan")
    p, hit = np.asarray(pairs, dtype=float).T
    index = np.clip((p * bins).astype(int), 0, bins - 1)
    return float(sum(abs((p - hit)[index == b].sum()) for b in range(bins)) / len(p))


def calibrated_quantile(probabilities: Sequence[float], bins: int = 10, replicates: int = 200) -> float:
    """The 95 % quantile of that error for a calibrated predictor of the same probabilities."""
    p, rng = np.asarray(probabilities, dtype=float), np.random.default_rng(0)
    null = [calibration_error(np.column_stack([p, rng.random(len(p)) < p]), bins) for _ in range(replicates)]
    return float(np.quantile(null, 0.95))


def totals(scores: Iterable[LabelScore]) -> Totals:
    """Figures over all given instances."""
    rows = list(scores)
    if not rows:
        nan = float("nan")
        return Totals(0, nan, nan, nan, nan, 0, 0, 0, 0)
    p_true, confidence, right, brier = (np.array([row[i] for row in rows], dtype=float) for i in (1, 2, 3, 4))
    counts = Counter((row.level, bool(row.is_right)) for row in rows)

    def of_level(level: str) -> tuple[int, int]:
        return counts[level, True] + counts[level, False], counts[level, False]

    return Totals(
        len(rows),
        float(right.mean()),
        float(brier.mean()),
        float(np.log(np.maximum(p_true, FLOOR)).mean()),
        calibration_error(np.column_stack([confidence, right])),
        *of_level("supported"),
        *of_level("favoured"),
    )


def print_scores(title: str, rows: Sequence[LabelScore]) -> None:
    """Accuracy, Brier score, log score, calibration error and how often `supported` is right, by label and over all."""
    print(f"\n{title}")
    print(f"  {'label':26s} {'n':>6s} accuracy  Brier    log   ECE null95  supported right")
    for name in (*LABELS, "all"):
        chosen = [row for row in rows if name in ("all", row.label)]
        if not chosen:
            continue
        found, null = totals(chosen), calibrated_quantile([row.confidence for row in chosen])
        share = 1 - found.supported_wrong / found.supported if found.supported else float("nan")
        print(
            f"  {name:26s} {found.n:6d} {found.accuracy:8.3f} {found.brier:6.3f} {found.log_score:6.3f} "
            f"{found.calibration_error:5.3f} {null:6.3f} {share:9.3f} of {found.supported}"
        )


def f1(found: Counter, true: Counter) -> float:
    """F1 of two multisets, 1 if both are empty."""
    hit = sum((found & true).values())
    size = sum(found.values()) + sum(true.values())
    return 2 * hit / size if size else 1.0
