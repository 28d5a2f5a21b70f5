"""Genome states of shared mutations, and how probable their reads are in each state at each purity.

A mutation on m of C copies in all tumour cells of a sample of purity rho has the expected allele frequency
v = m rho / (rho C + C_N (1 - rho)). All samples of a patient share the state of a mutation of the trunk, so that the
ratio of two frequencies within a sample, the same in every sample, tells the states apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.patient import CopyNumberAtLoci

__all__ = [
    "DOUBLED",
    "NEAR_DIPLOID",
    "PURITY_GRID",
    "SharedReads",
    "StateTables",
    "given_states",
    "shared_reads",
    "unknown_states",
]

# Below 1: at purity 1 a homozygous deletion would have no reads at all.
PURITY_GRID = np.linspace(0.02, 0.99, 98)
# States (C, m) of a genome that did not double, with their prior shares: mostly two copies, gains before losses.
NEAR_DIPLOID: dict[tuple[int, float], float] = {
    (2, 1): 0.62,
    (3, 1): 0.08,
    (3, 2): 0.08,
    (1, 1): 0.08,
    (2, 2): 0.08,
    (4, 1): 0.02,
    (4, 2): 0.02,
}
# Of one that did: mutations before the doubling lie on 2 of 4 copies, those after it on 1; then losses and gains.
DOUBLED: dict[tuple[int, float], float] = {
    (4, 2): 0.30,
    (4, 1): 0.20,
    (3, 1): 0.09,
    (3, 2): 0.12,
    (2, 1): 0.05,
    (2, 2): 0.10,
    (4, 3): 0.03,
    (5, 1): 0.02,
    (5, 2): 0.03,
    (5, 3): 0.02,
    (6, 2): 0.02,
    (1, 1): 0.02,
}
# In a single sample a subclone is a peak of its own: CCFs of such peaks on one copy, and their share in all.
_PEAKS = tuple(np.round(np.arange(0.15, 0.9, 0.1), 2).tolist())
_PEAK_SHARE = 0.5
# With copy number given: one mutated copy, two, half of the major allele (before one of two gains, as of a genome that
# doubled twice), all of the major allele, all of the minor one.
GIVEN_SHARES = np.array([0.45, 0.1, 0.1, 0.25, 0.1])
# If the caller missed that the other allele was lost in some samples, each as likely as not: the major allele alone is
# left there, as it was or doubled.
_KEPT, _KEPT_SHARE = (1.0, 2.0), 0.015
# Mutations looked at, at most (more only cost time), and points at which read likelihoods are tabulated.
MAX_MUTATIONS = 400
_POINTS = 256
# With fewer mutations in all samples, samples that lack most of them do not choose which mutations are used.
_FEW_SHARED = 20
# Alternate reads that make a mutation count as found in a sample; of a single sample the least of the table, if more.
_FOUND_READS = 2
_MOST_FOUND_READS = 5
# In a sample that does not choose the mutations: share of them that need not be clonal there.
_NOT_CLONAL = 0.3


@dataclass(frozen=True, eq=False)
class SharedReads:
    """Reads of the mutations found in every sample that chooses.

    Parameters
    ----------
    rows : int64 array (n,)
        Rows of the mutation table.
    alt, ref : float64 arrays (n, S)
    informative : bool array (n, S)
    chooses : bool array (S,)
        Samples in which each of the mutations was found.
    least : int
        Alternate reads that made it found.
    n_found : int
        Mutations found, before the limit on their number.
    """

    rows: IntArray
    alt: FloatArray
    ref: FloatArray
    informative: BoolArray
    chooses: BoolArray
    least: int
    n_found: int


def shared_reads(alt: IntArray, depth: IntArray, informative: BoolArray) -> SharedReads:
    """Choose the mutations that every sample shows.

    Parameters
    ----------
    alt, depth : int arrays (n, S)
    informative : bool array (n, S)

    Returns
    -------
    SharedReads
        If fewer than 20 mutations are found in all samples, the sample that lacks most of them no longer chooses,
        until 20 are found or two samples are left. Of more than 400 mutations, every k-th.
    """
    n_samples = alt.shape[1]
    least = _FOUND_READS
    if n_samples == 1 and len(alt):
        least = int(np.clip(alt[informative].min(initial=_MOST_FOUND_READS), least, _MOST_FOUND_READS))
    found = (alt >= least) & informative
    use = np.arange(n_samples)
    while True:
        enough = informative[:, use].sum(axis=1) >= min(2, len(use))
        rows = np.flatnonzero((found | ~informative)[:, use].all(axis=1) & enough)
        if len(rows) >= _FEW_SHARED or len(use) <= 2:
            break
        missing = (~found & informative)[:, use]
        gained = missing[missing.sum(axis=1) == 1].sum(axis=0)
        if not gained.any():
            gained = missing.sum(axis=0)
        if not gained.any():
            break
        use = np.delete(use, int(gained.argmax()))
    n_found = len(rows)
    if n_found > MAX_MUTATIONS:
        rows = rows[np.linspace(0, n_found - 1, MAX_MUTATIONS).astype(np.int64)]
    usable = informative[rows]
    reads = np.where(usable, alt[rows], 0).astype(np.float64)
    others = np.where(usable, depth[rows] - alt[rows], 0).astype(np.float64)
    return SharedReads(rows, reads, others, usable, np.isin(np.arange(n_samples), use), least, n_found)


@dataclass(frozen=True, eq=False)
class StateTables:
    """Log-likelihood of the reads of every mutation and sample, in every class and at every purity.

    Parameters
    ----------
    table : float32 array (Z + 1, n, S, G)
        The last class is subclonal: its CCF is uniform in every sample by itself.
    shares : float64 array (Z,)
        Prior shares of the clonal states; they add up to 1.
    copies : float64 array (Z, n)
        Mean copies of the locus in tumour cells.
    single : int
        The clonal class with one mutated copy: at a lower purity it has the reads of a clone in fewer cells.
    """

    table: FloatArray
    shares: FloatArray
    copies: FloatArray
    single: int

    @property
    def n_samples(self) -> int:
        return int(self.table.shape[2])


def _frequencies() -> FloatArray:
    """Allele frequencies equally spaced on the scale on which a binomial has one width."""
    return np.sin(np.linspace(0.0, np.pi / 2.0, _POINTS)) ** 2


class _Likelihoods:
    """Read log-likelihoods of every cell as functions of the expected allele frequency.

    A mutation is looked at because every choosing sample shows it, so its likelihood is that of its reads given that
    at least `least` of them are alternate.
    """

    def __init__(self, reads: SharedReads, precision: float) -> None:
        self.frequencies = _frequencies()
        alt, ref = reads.alt[:, :, None], reads.ref[:, :, None]
        p = np.clip(self.frequencies, 1e-4, 1.0 - 1e-4)
        raw = _log_probability(alt, ref, p, precision)
        below = np.zeros(raw.shape)
        depth = alt + ref
        for k in range(reads.least):
            rest = np.maximum(depth - k, 0.0)
            ways = gammaln(depth + 1.0) - gammaln(np.array([k + 1.0])) - gammaln(rest + 1.0)
            below += np.exp(_log_probability(np.full(depth.shape, float(k)), rest, p, precision) + ways) * (depth >= k)
        is_chosen = (reads.informative & reads.chooses)[:, :, None]
        selected = np.where(is_chosen, np.maximum(1.0 - below, 1e-6), 1.0)
        self.clonal = raw - np.log(selected)
        peak = raw.max(axis=2, keepdims=True)
        area = _cumulative(np.exp(raw - peak), self.frequencies)
        # Mean likelihood over frequencies from 0 to each point, given that the mutation was found.
        self.subclonal = np.log(np.maximum(area, 1e-300)) + peak
        self.subclonal -= np.log(np.maximum(_cumulative(selected, self.frequencies), 1e-300))
        self.subclonal[:, :, 0] = self.subclonal[:, :, 1]
        for sample in np.flatnonzero(~reads.chooses):
            absent = raw[:, sample, 2]  # frequencies of errors
            anything = np.logaddexp(self.subclonal[:, sample], absent[:, None]) - np.log(2.0)  # that the purity allows
            self.clonal[:, sample] = np.logaddexp(
                np.log1p(-_NOT_CLONAL) + self.clonal[:, sample], np.log(_NOT_CLONAL) + anything
            )
            self.subclonal[:, sample] = anything

    def at(self, values: FloatArray, expected: FloatArray) -> FloatArray:
        """Values (n, S, P) at expected frequencies (n or 1, S or 1, G), linear between the points."""
        place = np.arcsin(np.sqrt(np.clip(expected, 0.0, 1.0))) * ((_POINTS - 1) / (np.pi / 2.0))
        lower = np.minimum(place.astype(np.int64), _POINTS - 2)
        share = place - lower
        shape = (*values.shape[:2], expected.shape[2])
        if expected.shape[:2] == (1, 1):
            low, high = values[:, :, lower[0, 0]], values[:, :, lower[0, 0] + 1]
        else:
            index = np.broadcast_to(lower, shape)
            low = np.take_along_axis(values, index, axis=2)
            high = np.take_along_axis(values, index + 1, axis=2)
        return np.asarray((low * (1.0 - share) + high * share).astype(np.float32))


def _log_probability(alt: FloatArray, ref: FloatArray, p: FloatArray, precision: float) -> FloatArray:
    """Log-probability of one order of the reads at the frequencies p (P,); beta-binomial if the precision is finite."""
    if np.isinf(precision):
        return np.asarray(alt * np.log(p) + ref * np.log1p(-p))
    a, b = p * precision, (1.0 - p) * precision
    total = gammaln(alt + ref + precision) - gammaln(np.array([precision]))
    return np.asarray(gammaln(alt + a) - gammaln(a) + gammaln(ref + b) - gammaln(b) - total)


def _cumulative(values: FloatArray, x: FloatArray) -> FloatArray:
    """Integral from the first point to each point along the last axis (trapezoids)."""
    area = np.cumsum((values[..., 1:] + values[..., :-1]) / 2.0 * np.diff(x), axis=-1)
    return np.concatenate((np.zeros((*values.shape[:-1], 1)), area), axis=-1)


def _expected(total: FloatArray, mutated: FloatArray, normal: FloatArray, error: float) -> FloatArray:
    """Expected frequency at every purity of the grid, along a new last axis."""
    purity = PURITY_GRID
    molecules = purity * total[..., None] + normal[..., None] * (1.0 - purity)
    frequency = np.clip(mutated[..., None] * purity / np.maximum(molecules, 1e-9), 0.0, 1.0)
    return np.asarray(frequency * (1.0 - 2.0 * error) + error)


def with_subclonal_peaks(prior: dict[tuple[int, float], float]) -> dict[tuple[int, float], float]:
    """States of a single sample: those given, and one copy mutated in a share of the cells."""
    copies = next(iter(prior))[0]
    peaks = {(copies, ccf): _PEAK_SHARE / len(_PEAKS) for ccf in _PEAKS}
    return {**{state: (1.0 - _PEAK_SHARE) * share for state, share in prior.items()}, **peaks}


def unknown_states(
    reads: SharedReads, prior: dict[tuple[int, float], float], *, error: float, precision: float
) -> StateTables:
    """Make tables of the states of a genome of unknown copy number, one state of a mutation in all samples.

    Parameters
    ----------
    reads : SharedReads
        Of loci with two copies in normal cells.
    prior : dict
        Copies of the locus and mutated copies to prior share; the first state is that of subclonal mutations, of
        which one copy is mutated.
    error : float
        Sequencing error.
    precision : float
        Precision of the beta-binomial; inf = binomial.
    """
    likelihoods = _Likelihoods(reads, precision)
    if reads.alt.shape[1] == 1:
        prior = with_subclonal_peaks(prior)
    two = np.full((1, 1), 2.0)
    tables = []
    for total, mutated in prior:
        expected = _expected(np.full((1, 1), float(total)), np.full((1, 1), float(mutated)), two, error)
        tables.append(likelihoods.at(likelihoods.clonal, expected))
    copies = next(iter(prior))[0]
    limit = _expected(np.full((1, 1), float(copies)), np.ones((1, 1)), two, error)
    tables.append(likelihoods.at(likelihoods.subclonal, limit))
    shares = np.array(list(prior.values()))
    totals = np.array([[float(total)] for total, _ in prior]) * np.ones(len(reads.rows))
    single = [mutated for _, mutated in prior].index(1)
    return StateTables(np.stack(tables), shares / shares.sum(), totals, single)


def given_states(
    reads: SharedReads, copy_number: CopyNumberAtLoci, *, error: float, precision: float, may_miss_losses: bool = False
) -> StateTables:
    """Make tables of the states of a genome of given copy number.

    A mutation is on one copy, on two, on half of the copies of the major allele, on all of them, or on all of the
    minor allele; in each sample by the copy number of that sample.

    Parameters
    ----------
    reads : SharedReads
    copy_number : CopyNumberAtLoci
        At the loci of `reads`; a cell without it says nothing.
    error, precision : as in `unknown_states`
    may_miss_losses : bool
        Whether the caller may have missed that an allele was lost in some samples. A few such mutations would else be
        the trunk of a higher purity, and the trunk a clone.
    """
    likelihoods = _Likelihoods(reads, precision)
    known = np.isfinite(copy_number.total)
    total = np.where(known, copy_number.total, 2.0).astype(np.float64)
    normal = np.asarray(copy_number.normal, dtype=np.float64)
    first, second = (
        _mean_copies(copy_number, name, np.where(known, fallback, 1.0))
        for name, fallback in (("major", np.ceil(total / 2.0)), ("minor", np.floor(total / 2.0)))
    )
    tables = []
    major, minor = np.maximum(first, second), np.minimum(first, second)
    one = np.minimum(1.0, total)
    for mutated in (one, np.maximum(np.minimum(2.0, major), one), np.maximum(major / 2.0, one), major, minor):
        table = likelihoods.at(likelihoods.clonal, _expected(total, mutated, normal, error))
        table[~known] = 0.0
        tables.append(table)
    shares = GIVEN_SHARES
    if may_miss_losses:
        for factor in _KEPT:
            table = likelihoods.at(likelihoods.clonal, _expected(factor * major, factor * major, normal, error))
            table = np.logaddexp(table, tables[3]) - np.float32(np.log(2.0))
            table[~known] = 0.0
            tables.append(table)
        shares = np.concatenate(((1.0 - len(_KEPT) * _KEPT_SHARE) * shares, np.full(len(_KEPT), _KEPT_SHARE)))
    table = likelihoods.at(likelihoods.subclonal, _expected(total, one, normal, error))
    table[~known] = 0.0
    copies = np.where(known, total, np.nan)
    with np.errstate(invalid="ignore"):
        mean = np.where(known.any(axis=1), np.nansum(copies, axis=1) / np.maximum(known.sum(axis=1), 1), 2.0)
    totals = np.broadcast_to(mean, (len(shares), len(mean)))
    return StateTables(np.stack([*tables, table]), shares, totals, 0)


def _mean_copies(copy_number: CopyNumberAtLoci, name: str, fallback: FloatArray) -> FloatArray:
    """Copies of an allele, over both states of a subclonal segment; `fallback` if only the total is known."""
    one = np.asarray(getattr(copy_number, name), dtype=np.float64)
    other = np.asarray(getattr(copy_number, f"{name}2"), dtype=np.float64)
    fraction = np.asarray(copy_number.fraction, dtype=np.float64)
    mean = np.where(np.isfinite(other), fraction * one + (1.0 - fraction) * np.nan_to_num(other), one)
    return np.where(np.isfinite(mean), mean, fallback)
