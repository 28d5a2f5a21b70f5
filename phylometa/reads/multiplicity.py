"""Mutated copies in a cell: which multiplicities a locus allows, and how probable each is before the reads.

The expected variant allele frequency of a mutation with m mutated copies and cancer cell fraction c in a sample of
purity rho is ``v = m rho c / (rho C_T + C_N (1 - rho))``, C_T the mean copies of the locus in tumour cells and C_N in
normal cells; with sequencing error e a read shows the alternate allele with probability ``v (1 - e) + (1 - v) e``
(Tarabichi et al. 2021, doi:10.1038/s41592-020-01013-2; Roth et al. 2014, doi:10.1038/nmeth.2883).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from math import comb

import numpy as np
from numpy.typing import NDArray

from phylometa.config import CcfSettings
from phylometa.errors import InputError
from phylometa.model.arrays import BoolArray, FloatArray
from phylometa.model.patient import CopyNumberAtLoci, MutationTable
from phylometa.reads.lost_copies import carriers, loss_probability

__all__ = ["MultiplicityOptions", "enumerate_multiplicities", "germline_frequency", "share_over_groups"]

# Share of a genome with a given total if it is unknown: mostly two copies, gains more often than losses, every
# total possible (orders of magnitude of the pan-cancer copy-number landscape, Zack et al. 2013, doi:10.1038/ng.2760).
_TOTAL_WEIGHTS = {1: 0.1, 2: 0.55, 3: 0.17, 4: 0.12, 5: 0.03, 6: 0.015, 7: 0.01, 8: 0.005}
# Options of an unknown locus that are less probable than this are left out: they only cost time.
_MIN_OPTION_PRIOR = 0.01


@dataclass(frozen=True, eq=False)
class MultiplicityOptions:
    """The multiplicities every cell of a mutation table may have, stored once for each distinct state.

    Parameters
    ----------
    slope : float64 array (n_states, J)
        Expected VAF at CCF 1 without error, m rho / (rho C_T + C_N (1 - rho)); 0 in unused columns.
    copies : float64 array (n_states, J)
        Mean mutated copies in a cell that carries the mutation; 0 if its copy may have been lost.
    totals : float64 array (n_states, J)
        Mean copies of the locus in tumour cells, C_T.
    normal : float64 array (n_states,)
        Copies in normal cells, C_N.
    log_prior : float64 array (n_states, J)
        Log prior probability of each option; -inf in unused columns.
    error : float64 array (n_states,)
        Sequencing error.
    cell_state : int32 array (n, S)
        State of each mutation in each sample.
    group : int32 array (n, S)
        Samples of a mutation with the same value share one multiplicity (their copy number is the same).
    """

    slope: FloatArray
    copies: FloatArray
    totals: FloatArray
    normal: FloatArray
    log_prior: FloatArray
    error: FloatArray
    cell_state: NDArray[np.int32]
    group: NDArray[np.int32]

    @property
    def n_options(self) -> int:
        return self.slope.shape[1]

    @property
    def is_second_event(self) -> BoolArray:
        """Options (n_states, J) of a mutation that came before a gain, or before a loss from part of the cells."""
        return np.asarray((self.copies > 0.0) & (self.copies != 1.0))

    def take(self, rows: NDArray[np.int64]) -> MultiplicityOptions:
        """Restricted to some mutations."""
        return replace(self, cell_state=self.cell_state[rows], group=self.group[rows])

    def log_prior_given_ccf(self, ccf: FloatArray, subclonal_gain: float) -> FloatArray:
        """Compute log P(option | CCF), shape (n_states, J, G).

        A mutation on more than one copy came before a gain. If all tumour cells have the gain, they all carry the
        mutation too, so several copies below CCF 1 need a second event and are weighted by `subclonal_gain` (rising
        to 1 towards CCF 1; no statement at CCF 0). So are the copies that are left if part of the cells have lost
        the allele: below CCF 1 the loss would have to be independent of the mutation.
        """
        several = self.is_second_event[:, :, None]
        factor = np.where(ccf == 0.0, 1.0, subclonal_gain + (1.0 - subclonal_gain) * ccf**8)
        weighted = self.log_prior[:, :, None] + np.where(several, np.log(factor), 0.0)
        return weighted - np.logaddexp.reduce(weighted, axis=1)[:, None, :]


def enumerate_multiplicities(
    mutations: MutationTable,
    copy_number: CopyNumberAtLoci,
    purity: FloatArray,
    *,
    settings: CcfSettings,
) -> MultiplicityOptions:
    """List every multiplicity that copy number allows, with its prior, for every mutation and sample.

    If a sample has fewer copies than those that carry the mutation, one option is that no mutated copy is left
    (`phylometa.reads.lost_copies`).

    Parameters
    ----------
    mutations : MutationTable with n rows, S columns
    copy_number : CopyNumberAtLoci (n, S)
        Unknown states (NaN) are marginalised; with only a total known, so are its alleles.
    purity : float array (S,), in (0, 1]
    settings : CcfSettings

    Returns
    -------
    MultiplicityOptions

    Raises
    ------
    InputError
        If a purity is missing or outside (0, 1].
    """
    purity = np.asarray(purity, dtype=np.float64)
    wrong = [
        f"sample {name}: purity {value:g} is outside (0, 1]"
        for name, value in zip(mutations.sample_names, purity.tolist())
        if not 0.0 < value <= 1.0
    ]
    if wrong:
        raise InputError("; ".join(wrong))
    columns = [
        copy_number.major,
        copy_number.minor,
        copy_number.total,
        copy_number.normal,
        copy_number.fraction,
        copy_number.major2,
        copy_number.minor2,
    ]
    loss = np.round(loss_probability(copy_number, carriers(mutations)), 2)
    group, group_cells = _factorise([*(_without_nan(column) for column in columns), loss])
    error = np.full(mutations.depth.shape, settings.error_rate)
    if mutations.error_rate is not None:
        given = np.asarray(mutations.error_rate, dtype=np.float64)
        # Two digits are enough, and keep the number of distinct states small.
        with np.errstate(divide="ignore"):
            rounded = np.exp(np.round(np.log(np.clip(given, 1e-6, 0.4)) * 5.0) / 5.0)
        error = np.where(np.isfinite(given), rounded, error)
    cell_state, state_cells = _factorise([group, np.broadcast_to(purity, group.shape), error])
    flat = [np.asarray(column).reshape(-1) for column in columns]
    options_of_group = [
        _options(*(float(column[cell]) for column in flat), max_copies=settings.max_copies) for cell in group_cells
    ]
    has_loss = loss.reshape(-1)[group_cells] > 0.0
    width = max((len(option[0]) + extra for option, extra in zip(options_of_group, has_loss.tolist())), default=1)
    n_states = len(state_cells)
    slope = np.zeros((n_states, width))
    copies = np.ones((n_states, width))
    totals = np.full((n_states, width), 2.0)
    normal = np.full(n_states, 2.0)
    log_prior = np.full((n_states, width), -np.inf)
    errors = np.zeros(n_states)
    n_samples = max(group.shape[1], 1)
    for state, cell in enumerate(state_cells):
        option_copies, option_totals, weights = options_of_group[group.reshape(-1)[cell]]
        lost = float(loss.reshape(-1)[cell])
        if lost > 0.0:
            option_copies, option_totals = np.append(option_copies, 0.0), np.append(option_totals, option_totals[0])
            weights = np.append((1.0 - lost) * weights, lost)
        rho = purity[cell % n_samples]
        normal[state] = flat[3][cell]
        count = len(option_copies)
        expected = rho * option_totals + normal[state] * (1.0 - rho)
        # no copy of the locus in a sample of purity 1: reads there are errors
        slope[state, :count] = option_copies * rho / np.where(expected > 0.0, expected, 1.0)
        copies[state, :count] = option_copies
        totals[state, :count] = option_totals
        log_prior[state, :count] = np.log(weights)
        errors[state] = error.reshape(-1)[cell]
    return MultiplicityOptions(slope, copies, totals, normal, log_prior, errors, cell_state, group)


def share_over_groups(evidence: FloatArray, options: MultiplicityOptions) -> FloatArray:
    """Compute every option's log posterior weight: the prior once, plus the evidence of all samples of the same group.

    Parameters
    ----------
    evidence : float array (n, S, J)
        Log evidence of each option in each sample alone.
    options : MultiplicityOptions

    Returns
    -------
    float array (n, S, J)
    """
    finite = np.where(np.isfinite(evidence), evidence, -1e6)
    same = options.group[:, :, None] == options.group[:, None, :]
    total = np.einsum("ist,itj->isj", same.astype(np.float64), finite)
    return np.asarray(total + options.log_prior[options.cell_state])


def germline_frequency(copies: FloatArray, total: FloatArray, normal: FloatArray, purity: FloatArray) -> FloatArray:
    """Compute the VAF of a heterozygous germline variant, (m rho + 1 - rho) / (rho C_T + C_N (1 - rho)).

    Parameters
    ----------
    copies, total : float64 arrays
        Copies with the variant, and all copies, in tumour cells.
    normal : float64 array
        Copies in normal cells, one of which has the variant.
    purity : float64 array

    Returns
    -------
    float64 array
        Of the shape to which the arguments broadcast.
    """
    molecules = np.maximum(purity * total + normal * (1.0 - purity), 1e-9)
    return np.asarray((copies * purity + 1.0 - purity) / molecules)


def _without_nan(column: NDArray[np.float32]) -> FloatArray:
    return np.where(np.isnan(column), -1.0, np.asarray(column, dtype=np.float64))


def _factorise(columns: list[NDArray]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Number the distinct rows of some (n, S) columns; also the flat index of one cell of each number."""
    code = np.zeros(columns[0].size, dtype=np.int64)
    for column in columns:
        flat = np.ascontiguousarray(column).reshape(-1)
        if flat.size == 0 or (flat == flat[0]).all():
            continue
        values, inverse = np.unique(flat, return_inverse=True)
        code = code * len(values) + inverse.reshape(-1)
        code = np.unique(code, return_inverse=True)[1].reshape(-1)
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    return inverse.reshape(columns[0].shape).astype(np.int32), first


def _options(
    major: float,
    minor: float,
    total: float,
    normal: float,
    fraction: float,
    major2: float,
    minor2: float,
    *,
    max_copies: int,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mutated copies, total copies and prior of every option of one copy-number state."""
    weights: dict[tuple[float, float], float] = {}

    def add(copies: float, total_copies: float, weight: float) -> None:
        key = (round(copies, 4), round(total_copies, 4))
        weights[key] = weights.get(key, 0.0) + weight

    if np.isfinite(major) and np.isfinite(minor):
        if np.isfinite(major2) and np.isfinite(minor2) and fraction < 1.0:
            mean_total = fraction * (major + minor) + (1.0 - fraction) * (major2 + minor2)
            # One copy everywhere; or copied or lost along with its allele, whose match between the states is unknown.
            add(1.0, mean_total, 1.0)
            pairs = {(major, major2), (minor, minor2), (major, minor2), (minor, major2)}
            for first, second in sorted(pairs):
                mean_copies = fraction * first + (1.0 - fraction) * second
                if mean_copies > 1.0 or (mean_copies > 0.0 and (first < 1.0 or second < 1.0)):
                    add(mean_copies, mean_total, 0.5)
        else:
            for copies, weight in _copies_prior(round(major), round(minor)):
                add(copies, major + minor, weight)
    elif np.isfinite(total):
        _add_alleles(add, total, 1.0)
    else:
        top = min(max_copies, max(_TOTAL_WEIGHTS))
        for whole, weight in _TOTAL_WEIGHTS.items():
            # On a male's X and Y one copy is the usual state.
            shifted = whole - (2 - round(normal)) if normal < 2.0 else whole
            if 1 <= shifted <= top:
                _add_alleles(add, float(shifted), weight)
        largest = max(weights.values())
        weights = {key: value for key, value in weights.items() if value >= _MIN_OPTION_PRIOR * largest}
    keys = sorted(weights)
    prior = np.array([weights[key] for key in keys])
    return np.array([key[0] for key in keys]), np.array([key[1] for key in keys]), prior / prior.sum()


@cache
def _copies_prior(major: int, minor: int) -> tuple[tuple[float, float], ...]:
    """Numbers of mutated copies of a locus and their prior probabilities.

    A mutation arises on one copy at a time that is uniform over the life of the lineage, in proportion to the copies
    there are: late mutations stand on one copy and are many where copies are many. An allele of k copies came from one
    by k - 1 gains; their times are uniform too, so each of the k stages between them lasts 1 / k on average, and a
    mutation of the stage with j copies has the prior weight j / k. Each gain copies one copy at random (Polya's urn):
    the mutation ends on m of k copies with probability C(k - m - 1, j - 2) / C(k - 1, j - 1), and on all if j = 1. An
    amplicon rather grows at once (before: m = k, weight 1/2; after: m = 1, weight k / 2); both histories count half.
    The weights of the two alleles are added. At least one copy is mutated.
    """
    weights = np.zeros(max(major, minor, 1) + 1)
    for k in (major, minor):
        if k <= 1:
            weights[1] += max(k, 0)
            continue
        weights[1] += k / 4.0
        weights[k] += 0.25 + 0.5 / k
        for m in range(1, k):
            stages = (j * comb(k - m - 1, j - 2) / comb(k - 1, j - 1) for j in range(2, k - m + 2))
            weights[m] += 0.5 / k * sum(stages)
    if weights.sum() == 0.0:
        weights[1] = 1.0
    return tuple((float(m), float(weights[m] / weights.sum())) for m in range(1, len(weights)))


def _add_alleles(add, total: float, weight: float) -> None:  # type: ignore[no-untyped-def]
    """Options of a known total with unknown alleles, each split into alleles equally probable."""
    splits = range(int(total // 2) + 1)
    for minor in splits:
        for copies, share in _copies_prior(round(total - minor), minor):
            add(copies, total, weight / len(splits) * share)
