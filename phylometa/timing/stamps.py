"""Treatments as time stamps: the share of a branch's mutations that a therapy's process explains, and what follows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from phylometa.model.arrays import FloatArray
from phylometa.model.clusters import Clustering
from phylometa.model.interval import Estimate
from phylometa.model.patient import Patient
from phylometa.model.timing import StampRow
from phylometa.reference.signatures import SignatureTable, channel_of, therapies_of, therapy_columns
from phylometa.timing.events import age_at
from phylometa.timing.joint_model import Stamp

__all__ = ["branch_stamps", "exposure_evidence", "fit_mixture"]

# Shares of the therapy's process at which the likelihood is profiled; denser near 0.
_SHARES = np.concatenate([[0.0], np.geomspace(0.005, 0.95, 36)])
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
    profile = np.empty(len(_SHARES))
    weights = fit_mixture(counts, background)
    for i, share in enumerate(_SHARES):
        for _ in range(12):
            mixture = np.maximum((1 - share) * (background @ weights) + share * therapy, 1e-300)
            weights = weights * (background.T @ (counts / mixture))
            weights = weights / max(weights.sum(), 1e-300)
        mixture = np.maximum((1 - share) * (background @ weights) + share * therapy, 1e-300)
        profile[i] = float(counts @ np.log(mixture))
    edges = np.concatenate([[0.0], (_SHARES[1:-1] + _SHARES[2:]) / 2, [1.0]])
    prior = -np.diff((1 - edges) ** _BETA)
    gain = profile[1:] - profile[0] - extra
    density = prior * np.exp(gain - gain.max())
    log_factor = math.log(density.sum()) + float(gain.max())
    cumulative = np.cumsum(density) / density.sum()
    lo, median, hi = (float(_SHARES[1:][np.searchsorted(cumulative, level)]) for level in (0.025, 0.5, 0.975))
    return log_factor, Estimate(median, lo, hi)


def branch_stamps(
    patient: Patient, clusters: Clustering, table: SignatureTable
) -> tuple[tuple[Stamp, ...], tuple[StampRow, ...], list[str]]:
    """Find stamps of every clone's branch by every dated treatment whose process the table holds; what cannot be said.

    A branch that carries the process ended after the exposure began, so its clone passed through one cell after that. A
    branch without it may have ended before, or grown under it without a mark.
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
    stamps, rows = [], []
    for therapy, age in sorted(courses.items(), key=lambda item: item[1]):
        own = therapy_columns(table, therapy)
        if not own:
            refusals.append(f"no stamp of {therapy}: the table of signatures has no column of its process")
            continue
        others = [i for i in range(len(table.names)) if i not in own]
        for k, name in enumerate(clusters.names):
            members = channel[(clusters.labels == k) & (channel >= 0)]
            if len(members) < MIN_MUTATIONS or not others:
                continue
            counts = np.bincount(members, minlength=len(table.channels)).astype(np.float64)
            best = _strongest(counts, table, own, others)
            log_odds = float(np.logaddexp(math.log(1 - _PRIOR), math.log(_PRIOR) + best[0]))
            p = 1 / (1 + (1 - _PRIOR) / _PRIOR * math.exp(-max(min(best[0], 700.0), -700.0)))
            stamps.append(Stamp(k, age, log_odds))
            rows.append(StampRow(name, therapy, age, len(members), best[1], p))
    return tuple(stamps), tuple(rows), refusals


def _strongest(
    counts: FloatArray, table: SignatureTable, own: Sequence[int], others: Sequence[int]
) -> tuple[float, Estimate]:
    """Evidence of the therapy's signatures: their mean Bayes factor, and the share of the one that fits best."""
    background = table.values[:, list(others)]
    found = [exposure_evidence(counts, background, table.values[:, i]) for i in own]
    factors = np.array([log_factor for log_factor, _ in found])
    mean = float(np.log(np.exp(factors - factors.max()).mean()) + factors.max())
    return mean, found[int(np.argmax(factors))][1]
