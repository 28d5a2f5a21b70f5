"""Simulated patients of the studies of seeding labels, and how a label's distribution is scored against the truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from phylometa.simulate import PATTERNS, SimulatedPatient, SimulationSettings, lose_populations, simulate_patient
from phylometa.simulate.patterns import draw_plan

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

# Every pattern, and random histories three times more.
_PLANS = (*(name for name in PATTERNS if name != "demo"), *["random"] * 3)
# Mutation rates (per Mb and year before transformation): an exome, and a genome whose clones are as easy to cluster.
_RATES = {"wes": (0.01, 0.03), "wgs": (0.0003, 0.001)}


def draw_patient(number: int, seed: int, *, unsampled: float) -> SimulatedPatient:
    """Patient `number` of the study `seed`: 2-5 metastases, 1-3 regions a site, 60x-400x, purity .3-.9.

    `unsampled` is the share of populations that die out before a sample is taken.
    """
    rng = np.random.default_rng([seed, number])
    pattern = _PLANS[number % len(_PLANS)]
    n_metastases = int(rng.integers(2, 6))
    nodes = int(rng.integers(pattern == "lymph_node", min(2, n_metastases - 1) + 1))
    assay = "wes" if rng.random() < 0.5 else "wgs"
    settings = SimulationSettings(
        pattern=pattern,
        lymph_nodes=nodes,
        distant_sites=n_metastases - nodes,
        primary_regions=int(rng.integers(1, 4)),
        metastasis_regions=int(rng.integers(1, 4)),
        assay=assay,
        mutation_rate=float(np.exp(rng.uniform(*np.log(_RATES[assay])))),
        depth=float(np.exp(rng.uniform(np.log(60), np.log(400)))),
        min_purity=0.3,
        max_purity=0.9,
    )
    plan = lose_populations(draw_plan(settings, rng), unsampled, rng)
    return simulate_patient(settings, rng=rng, plan=plan)


def label_scores(
    found: Mapping[tuple[str, str], Mapping[str, float]], truth: Mapping[str, object]
) -> Iterator[tuple[str, float, float, bool, float]]:
    """(label, probability of the true value, of the best value, whether the best is right, Brier score), each instance.

    `found` is (label, site or "") -> {value: probability}. A site that is entered with a probability below 1 has the
    value ``not entered`` for the rest.
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
            yield name, part.get(true_value, 0.0), part[best], best == true_value, brier


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """Expected calibration error over ten bins, and its 95 % quantile for a calibrated predictor of that n."""

    def error(hits):
        bins = np.minimum((confidence * 10).astype(int), 9)
        return sum(abs((confidence - hits)[bins == b].sum()) for b in range(10)) / len(confidence)

    rng = np.random.default_rng(0)
    null = [error((rng.random(len(confidence)) < confidence).astype(float)) for _ in range(200)]
    return error(right), float(np.quantile(null, 0.95))


def print_scores(title: str, rows: Sequence[tuple[str, float, float, bool, float]]) -> None:
    """Accuracy, Brier score, log score, calibration error and how often `supported` is right, by label and over all."""
    names = np.array([row[0] for row in rows])
    p_true, confidence, right, brier = (np.array([row[i] for row in rows], dtype=float) for i in (1, 2, 3, 4))
    print(f"\n{title}")
    print(f"  {'label':26s} {'n':>6s} accuracy  Brier    log   ECE null95  supported right")
    for name in (*LABELS, "all"):
        chosen = np.ones(len(names), dtype=bool) if name == "all" else names == name
        if not chosen.any():
            continue
        log_score = np.log(np.maximum(p_true[chosen], FLOOR)).mean()
        ece, null = calibration_error(confidence[chosen], right[chosen])
        sure = chosen & (confidence >= 0.95)
        share = right[sure].mean() if sure.any() else np.nan
        print(
            f"  {name:26s} {chosen.sum():6d} {right[chosen].mean():8.3f} {brier[chosen].mean():6.3f} {log_score:6.3f} "
            f"{ece:5.3f} {null:6.3f} {share:9.3f} of {sure.sum()}"
        )


def with_scalar(settings, stage: str, **changes):
    """A copy of `Settings` with values of one stage replaced."""
    return settings.replace(**{stage: replace(getattr(settings, stage), **changes)})
