"""Treatments as time stamps: the share of a branch's mutations that a therapy's process explains, and what follows."""

from __future__ import annotations

import math

import numpy as np

from phylometa.model.arrays import FloatArray
from phylometa.model.clusters import Clustering
from phylometa.model.interval import Estimate
from phylometa.model.patient import Patient
from phylometa.model.timing import StampRow
from phylometa.reference.signatures import SignatureTable, channel_of, therapies_of, therapy_columns
from phylometa.timing.events import age_at
from phylometa.timing.joint_model import Stamp

__all__ = ["branch_stamps", "exposure_evidence", "fit_mixture", "with_profile"]

# Shares of the therapy's process at which the likelihood is profiled; denser near 0.
_SHARES = np.concatenate([[0.0], np.geomspace(0.005, 0.95, 36)])
# Shares between them, on which the profile is interpolated: many mutations tell a share within a few per cent of it.
_FINE = np.geomspace(_SHARES[1], _SHARES[-1], 1000)
# Prior: a branch that passed the exposure carries its process with this probability, its share Beta(1, this).
_PRIOR, _BETA = 0.5, 3.0
_ITERATIONS = 60
# Fewer mutations on a branch: no stamp.
MIN_MUTATIONS = 10


def fit_mixture(counts: FloatArray, signatures: FloatArray, *, iterations: int = _ITERATIONS) -> FloatArray:
    """Fit weights (K,) of signatures (C, K) to counts (C,), by expectation and maximisation from equal ones."""
    weights = np.full(signatures.shape[1], 1 / signatures.shape[1])
    total = counts.sum()
    for _ in range(iterations if total > 0 else 0):
        mixture = np.maximum(signatures @ weights, 1e-300)
        weights = weights * (signatures.T @ (counts / mixture)) / total
    return np.asarray(weights, dtype=np.float64)


def exposure_evidence(
    counts: FloatArray, background: FloatArray, therapy: FloatArray, *, extra: float = 0.0
) -> tuple[float, Estimate]:
    """Compute the ln Bayes factor that a therapy's process acted on a branch, and its share if it did.

    The likelihood of a share is maximised over the weights of the other signatures (profile); the gain that any further
    signature brings by chance is taken off as `extra` (nats).

    Parameters
    ----------
    counts : float64 array (C,)
    background : float64 array (C, K)
        Signatures of the other processes.
    therapy : float64 array (C,)
        Signature of the therapy.
    extra : float

    Returns
    -------
    (float, Estimate)
    """
    from scipy.interpolate import CubicSpline

    profile = np.empty(len(_SHARES))
    weights = fit_mixture(counts, background)
    for i, share in enumerate(_SHARES):
        for _ in range(12):
            mixture = np.maximum((1 - share) * (background @ weights) + share * therapy, 1e-300)
            weights = weights * (background.T @ (counts / mixture))
            weights = weights / max(weights.sum(), 1e-300)
        mixture = np.maximum((1 - share) * (background @ weights) + share * therapy, 1e-300)
        profile[i] = float(counts @ np.log(mixture))
    edges = np.concatenate([[0.0], (_FINE[:-1] + _FINE[1:]) / 2, [1.0]])
    prior = -np.diff((1 - edges) ** _BETA)
    gain = CubicSpline(np.log(_SHARES[1:]), profile[1:] - profile[0] - extra)(np.log(_FINE))
    density = prior * np.exp(gain - gain.max())
    log_factor = math.log(density.sum()) + float(gain.max())
    cumulative = np.cumsum(density) / density.sum()
    lo, median, hi = (float(_FINE[np.searchsorted(cumulative, level)]) for level in (0.025, 0.5, 0.975))
    return log_factor, Estimate(median, lo, hi)


def branch_stamps(
    patient: Patient, clusters: Clustering, table: SignatureTable
) -> tuple[tuple[Stamp, ...], tuple[StampRow, ...], list[str]]:
    """Find stamps of every clone's branch by every dated treatment whose process the table holds; what cannot be said.

    A branch that carries the process ended after the exposure began, so its clone passed through one cell after that. A
    branch without it may have ended before, or grown under it without a mark. Radiation's deletions are also those of
    common repair, which the trunk has: its mutations are one of the other processes, so that only an excess tells.
    """
    refusals: list[str] = []
    courses: dict[str, float] = {}
    for treatment in patient.treatments:
        for therapy in therapies_of(treatment.kind):
            age = age_at(patient, treatment.start)
            if math.isfinite(age):
                courses[therapy] = min(age, courses.get(therapy, math.inf))
    if not courses:
        text = "no treatment stamps: no dated treatment names a drug whose mutational process is known"
        return (), (), [text]
    mutations = patient.mutations
    contexts = mutations.contexts or ("",) * mutations.n_mutations
    index = {channel: i for i, channel in enumerate(table.channels)}
    channels = [index.get(channel_of(*item), -1) for item in zip(mutations.refs, mutations.alts, contexts)]
    channel = np.array(channels, dtype=np.int64)
    counted = [
        np.bincount(
            channel[(clusters.labels == k) & clusters.in_clone & (channel >= 0)], minlength=len(table.channels)
        ).astype(np.float64)
        for k in range(clusters.n_clusters)
    ]
    is_deletion = np.array([name.endswith("DEL") or ":DEL:" in name for name in table.channels], dtype=bool)
    stamps, rows = [], []
    for therapy, age in sorted(courses.items(), key=lambda item: item[1]):
        own = therapy_columns(table, therapy)
        if not own:
            refusals.append(f"no stamp of {therapy}: the table of signatures has no column of its process")
            continue
        if therapy == "radiation" and not any(counts[is_deletion].any() for counts in counted):
            refusals.append("no stamp of radiation: no small deletion was called")
            continue
        others = [i for i in range(len(table.names)) if i not in own]
        trunk = int(np.argmax(clusters.ccf.mean(axis=1)))
        background = table.values[:, others]
        if therapy == "radiation":
            background = with_profile(background, counted[trunk])
        for k, name in enumerate(clusters.names):
            counts = counted[k]
            members = counts.sum()
            if members < MIN_MUTATIONS or not others or (therapy == "radiation" and k == trunk):
                continue
            best = _strongest(counts, background, table.values[:, list(own)])
            log_odds = float(np.logaddexp(math.log(1 - _PRIOR), math.log(_PRIOR) + best[0]))
            p = 1 / (1 + (1 - _PRIOR) / _PRIOR * math.exp(-max(min(best[0], 700.0), -700.0)))
            stamps.append(Stamp(k, age, log_odds))
            rows.append(StampRow(name, therapy, age, int(members), best[1], p))
    return tuple(stamps), tuple(rows), refusals


def with_profile(background: FloatArray, counts: FloatArray) -> FloatArray:
    """Add the profile of a branch's counts (C,) to signatures (C, K) as one more, half a mutation in every channel."""
    profile = counts + 0.5
    return np.concatenate([background, (profile / profile.sum())[:, None]], axis=1)


def _strongest(counts: FloatArray, background: FloatArray, therapy: FloatArray) -> tuple[float, Estimate]:
    """Evidence of the therapy's signatures (C, T): their mean Bayes factor, and the share of the one that fits best."""
    found = [exposure_evidence(counts, background, signature) for signature in therapy.T]
    factors = np.array([log_factor for log_factor, _ in found])
    mean = float(np.log(np.exp(factors - factors.max()).mean()) + factors.max())
    return mean, found[int(np.argmax(factors))][1]
