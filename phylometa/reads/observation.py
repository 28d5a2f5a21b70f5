"""What the reads of a mutation can mean: the observation model behind the joint posterior.

A mutation belongs to a clone, to the neutral tail of one site, or is an artefact. One that belongs to a clone has a
latent genome state: how many copies of the locus carry it, one number per copy-number state, shared by all samples of
that state; or a state that the copy-number caller missed in all samples or some. Without copy number all samples have
one state, or some have the usual one and the others another, since an event lay between them. Given its state and the
prevalence F of its clone in a sample, its reads are beta-binomial (`phylometa.reads.multiplicity`). A tail mutation has
prevalences with density proportional to 1 / F^2 in one site (Williams et al. 2016, doi:10.1038/ng.3489); an artefact
has allele frequencies that no clone explains: its own in every sample, the same low one in all samples, or those of a
germline variant. A matched normal shows a somatic mutation only as far as tumour cells are in it
(`phylometa.reads.normal`), an artefact as any other sample does, and a germline variant on one copy or on both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.special import betaln

from phylometa.config import CcfSettings, ObservationSettings
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.patient import CopyNumberAtLoci, MutationTable
from phylometa.reads.censored import censored_as_reads, censored_log_likelihood
from phylometa.reads.multiplicity import MultiplicityOptions, enumerate_multiplicities, germline_frequency
from phylometa.reads.normal import GERMLINE_VAF, find_tumour_in_normal, somatic_in_normal, with_true_normals
from phylometa.reads.read_likelihood import log_sum_exp, read_log_likelihood
from phylometa.reads.segment_evidence import no_branch_log_likelihood

__all__ = ["ARTEFACT", "FIRST_TAIL", "Observation", "observe", "with_events"]

ARTEFACT, FIRST_TAIL = 0, 1
"""Null classes: an artefact; then one tail per site."""

# Genome states that a caller may have missed: (mutated copies, total copies), and how frequent each is among them. One
# copy lost or gained on either side, and loss of heterozygosity, are the common ones (Zack et al. 2013,
# doi:10.1038/ng.2760).
_MISSED_STATES = {(1, 1): 0.25, (2, 2): 0.25, (1, 3): 0.2, (2, 3): 0.2, (1, 4): 0.05, (3, 4): 0.05}
# The mutated copy may be the one that is lost, as often as the other.
_LOST_COPY = _MISSED_STATES[1, 1]
# P(a sample has the missed state) where the caller missed one: samples of a patient are segmented together or alike, so
# that it mostly missed it in all. And, without copy number, P(a sample has the less usual of the two states).
_MISSED_HERE, _OTHER_HERE = 0.99, 0.5
_ABSENT, _PRESENT = 0.5, 0.5
# Allele frequency of an artefact in one sample: mostly low. Beta(a, b).
_OWN_VAF, _COMMON_VAF = (1.0, 9.0), (1.0, 19.0)
_VAF_POINTS = 60
# Log weight of what an event cannot be: artefact or tail of a site, or at a locus whose state was missed.
_NEVER = -1e6
# Log-likelihood by which some mutation must fit a germline variant better than any clone, at the annotated states, for
# germline variants to be among the artefacts: at a high purity the trunk looks like them.
_GERMLINE_GAIN = 8.0


@dataclass(frozen=True, eq=False)
class Observation:
    """The reads of every item (a mutation, or mutations that travel together) under every state and class.

    Parameters
    ----------
    curves : float64 array (n, S, O, G)
        Log-likelihood of an item's reads in a sample, given the option and the prevalence; 0 without reads.
    log_prior : float64 array (n, S, O)
        Log prior of an option; -inf if the item does not have it. It counts once per group of samples.
    log_missed : float64 array (n,)
        Log prior probability that the state of the locus was missed or, without copy number, differs between samples.
    group : int64 array (n, S)
        Samples with the same number share one option: 0, 1, ... within an item.
    n_annotated : int
        Options from here on are pairs of states, one of which each sample has: the annotated and a missed one; or,
        without copy number, the usual and another.
    alt : float64 array (n, S)
        Alternate reads.
    total : float64 array (n, S, O)
        Reads that carry as much information at VAF = F / 2.
    marginal : float64 array (n, S, O)
        Log-likelihood with the prevalence summed out: what an option is worth in a clone of its own.
    null : float64 array (n, 1 + n_sites)
        Log-likelihood of an artefact, and of the tail of each site.
    weight : float64 array (n,)
        Mutations in the item.
    prevalence : float64 array (G,)
        Grid of F.
    no_branch : int
        Option of a copy-number event that no branch explains, which says nothing of any prevalence; -1 without events.
    """

    curves: FloatArray
    log_prior: FloatArray
    log_missed: FloatArray
    group: IntArray
    n_annotated: int
    alt: FloatArray
    total: FloatArray
    marginal: FloatArray
    null: FloatArray
    weight: FloatArray
    prevalence: FloatArray
    no_branch: int = -1

    @property
    def n_items(self) -> int:
        return int(self.curves.shape[0])


def observe(
    mutations: MutationTable,
    copy_number: CopyNumberAtLoci,
    purity: FloatArray,
    sample_site: IntArray,
    prevalence: FloatArray,
    *,
    precision: float,
    settings: ObservationSettings,
    ccf_settings: CcfSettings,
) -> Observation:
    """Work out the likelihood of every mutation's reads under every state and class.

    Parameters
    ----------
    mutations : MutationTable (n, S)
    copy_number : CopyNumberAtLoci (n, S)
        Unknown states are marginalised over.
    purity : float64 array (S,), in (0, 1]
    sample_site : int array (S,)
        -1: names no site, and shows no site's tail.
    prevalence : float64 array (G,)
        Grid of prevalences; it may end above 1, if purities may be underestimated.
    precision : float
        Of the beta-binomial; inf = binomial.
    settings : ObservationSettings
    ccf_settings : CcfSettings

    Returns
    -------
    Observation
        One item per mutation, of weight 1.

    Raises
    ------
    InputError
        A purity is missing or outside (0, 1].
    """
    censored, listed = np.asarray(mutations.censored), mutations
    mutations = censored_as_reads(mutations)
    base = enumerate_multiplicities(mutations, copy_number, purity, settings=ccf_settings)
    state = base.cell_state.astype(np.int64)
    seen = mutations.is_informative
    alt = np.where(seen, mutations.alt_counts, 0).astype(np.float64)
    ref = np.where(seen, mutations.depth - mutations.alt_counts, 0).astype(np.float64)
    is_known: BoolArray = np.asarray(np.isfinite(copy_number.total).any(axis=1))
    purity = np.asarray(purity, dtype=np.float64)
    usual_slope = (purity[None, :] / base.normal[state])[:, :, None]
    slope = np.concatenate((base.slope[state], _missed_slopes(purity, base, state), usual_slope), axis=2)
    others = np.array([*_MISSED_STATES.values(), _LOST_COPY])
    others_prior = np.broadcast_to(np.log(others / others.sum()), (*state.shape, len(others)))
    log_prior = np.concatenate((base.log_prior[state], others_prior), axis=2)
    error = base.error[state]
    curves = read_log_likelihood(
        alt[:, :, None, None], ref[:, :, None, None], slope[..., None], error[:, :, None, None], prevalence, precision
    )
    if censored.any():
        curves[censored] = _censored_curves(censored, listed, state, slope, error, prevalence, precision)
        seen = seen | censored
    _pair_states(curves, slope, log_prior, is_known, base.n_options)
    curves += _second_event(base, state, seen & (alt > 0), prevalence, ccf_settings.subclonal_gain, slope.shape[2])
    curves = np.where(seen[:, :, None, None], curves, 0.0)
    total = np.maximum((alt + ref)[:, :, None] * slope * 2.0, alt[:, :, None])
    normals = _Normals.of(listed, ccf_settings.error_rate)
    germline = np.where(seen, _germline(alt, ref, base, purity, precision), 0.0).sum(axis=1)
    germline = normals.germline(germline, alt, ref)
    in_clones = curves[:, :, : base.n_options].max(axis=(2, 3)).sum(axis=1) + normals.somatic
    is_leaking = bool((germline > in_clones + _GERMLINE_GAIN).any())
    every = (
        np.concatenate((alt, normals.alt), axis=1),
        np.concatenate((ref, normals.ref), axis=1),
        np.concatenate((seen, normals.seen), axis=1),
        np.concatenate((error, normals.error), axis=1),
    )
    artefact = _artefact(*every, germline if is_leaking else None, precision) - normals.somatic
    tails = _tails(alt, ref, seen, slope[:, :, :1], error, np.asarray(sample_site), precision, settings)
    return Observation(
        curves=curves,
        log_prior=np.asarray(log_prior),
        log_missed=np.log(np.where(is_known, settings.missed_state, settings.differing_state)),
        group=_rank_in_row(base.group.astype(np.int64)),
        n_annotated=base.n_options,
        alt=alt,
        total=total,
        marginal=_marginal(curves, prevalence, ccf_settings.absent_weight),
        null=np.concatenate((artefact[:, None], tails), axis=1),
        weight=np.ones(len(alt)),
        prevalence=prevalence,
    )


def with_events(
    observation: Observation,
    rows: IntArray,
    curves: FloatArray,
    wrong_state: FloatArray,
    *,
    settings: ObservationSettings,
    absent_weight: float,
) -> Observation:
    """Put the likelihood of copy-number events in the place of that of their reads.

    An event has two options, one for all samples: a branch of the tree made it, or none (it arose several times, or is
    nothing but wrong states). The prior of the latter is given, not learnt with the shares of the classes: events are
    wrong far more often than mutations.

    Parameters
    ----------
    observation : Observation
        One item per mutation.
    rows : int64 array (E,)
        Mutations that are events.
    curves : float64 array (E, S, G)
        From `phylometa.reads.segment_evidence.segment_log_likelihood`.
    wrong_state : float64 array (S,)
        Probability that a sample's state of a segment is wrong.
    settings : ObservationSettings
    absent_weight : float
        `CcfSettings.absent_weight`.
    """
    no_branch = observation.n_annotated
    share, alone = no_branch_log_likelihood(curves, observation.prevalence, wrong_state, settings)
    all_curves, log_prior, total = (
        np.insert(array, no_branch, value, axis=2)
        for array, value in ((observation.curves, 0.0), (observation.log_prior, -np.inf), (observation.total, 0.0))
    )
    all_curves[rows] = curves[:, :, None]
    all_curves[rows, :, no_branch] = (alone / curves.shape[1])[:, None, None]
    log_prior[rows, :, : no_branch + 1] = -np.inf
    log_prior[rows, :, 0], log_prior[rows, :, no_branch] = np.log1p(-share), np.log(share)
    total[rows, :, no_branch] = total[rows, :, 0]
    log_missed, null, group = observation.log_missed.copy(), observation.null.copy(), observation.group.copy()
    log_missed[rows], null[rows], group[rows] = _NEVER, _NEVER, 0
    marginal = np.insert(observation.marginal, no_branch, 0.0, axis=2)
    marginal[rows] = _marginal(all_curves[rows], observation.prevalence, absent_weight)
    return replace(
        observation,
        curves=all_curves,
        log_prior=log_prior,
        total=total,
        log_missed=log_missed,
        null=null,
        group=group,
        marginal=marginal,
        n_annotated=no_branch + 1,
        no_branch=no_branch,
    )


def _censored_curves(
    censored: BoolArray,
    mutations: MutationTable,
    state: IntArray,
    slope: FloatArray,
    error: FloatArray,
    prevalence: FloatArray,
    precision: float,
) -> FloatArray:
    """Log-likelihood (C, O, G) of the censored cells, in the order of ``censored.nonzero()``; worked out once for all
    cells of a sample that share their copy-number state."""
    rows, samples = censored.nonzero()
    _, first, same = np.unique(
        np.stack((samples, state[rows, samples])), axis=1, return_index=True, return_inverse=True
    )
    row, sample = rows[first], samples[first]
    depth = mutations.usual_depth[sample].astype(np.int64)
    threshold = np.maximum(mutations.call_threshold[sample], 1).astype(np.int64)
    found = censored_log_likelihood(depth, threshold, slope[row, sample], error[row, sample], prevalence, precision)
    return found[same.ravel()]


def _missed_slopes(purity: FloatArray, base: MultiplicityOptions, state: IntArray) -> FloatArray:
    """Expected VAF at prevalence 1 of every missed state (n, S, W)."""
    copies, total = np.array(list(_MISSED_STATES), dtype=np.float64).T
    normal = base.normal[state][:, :, None]
    rho = purity[None, :, None]
    return np.asarray(copies * rho / (rho * total + normal * (1.0 - rho)))


def _pair_states(
    curves: FloatArray, slope: FloatArray, log_prior: FloatArray, is_known: BoolArray, n_annotated: int
) -> None:
    """Turn the options beyond the annotated ones, `curves` and `slope`, into pairs of that state and a first one.

    The first is the annotated state, its options summed out, where it is known (n,), else the usual one. The last
    option is given as the usual state, and becomes the pair whose second state has lost the mutated copy.
    """
    annotated = log_prior[:, :, :n_annotated]
    summed = log_sum_exp(curves[:, :, :n_annotated] + annotated[..., None], axis=2)
    mean_slope = (slope[:, :, :n_annotated] * np.exp(annotated)).sum(axis=2)
    first = np.where(is_known[:, None, None], summed, curves[:, :, -1])[:, :, None]
    first_slope = np.where(is_known[:, None], mean_slope, slope[:, :, -1])[:, :, None]
    second = np.where(is_known, _MISSED_HERE, _OTHER_HERE)[:, None, None]
    curves[:, :, -1] = curves[:, :, -1, :1]  # without a copy reads are those at prevalence 0
    slope[:, :, -1] = 0.0
    pairs = (slice(None), slice(None), slice(n_annotated, None))
    curves[pairs] = np.logaddexp(curves[pairs] + np.log(second)[..., None], first + np.log1p(-second)[..., None])
    slope[pairs] = second * slope[pairs] + (1.0 - second) * first_slope


def _second_event(
    base: MultiplicityOptions,
    state: IntArray,
    present: BoolArray,
    prevalence: FloatArray,
    subclonal_gain: float,
    n_options: int,
) -> FloatArray:
    """Log prior of several copies at a prevalence below 1, a second event in the subclone (n, S, O, G).

    The event is one for all samples that share the state, so each of the samples that show the mutation carries its
    share of the cost (see `MultiplicityOptions.log_prior_given_ccf`).
    """
    ccf = np.minimum(prevalence, 1.0)
    cost = np.log(np.where(ccf == 0.0, 1.0, subclonal_gain + (1.0 - subclonal_gain) * ccf**8))
    same = base.group[:, :, None] == base.group[:, None, :]
    sharers = np.maximum((same & present[:, None, :]).sum(axis=2), 1)
    several = base.is_second_event[state]
    padded = np.zeros((*state.shape, n_options), dtype=bool)
    padded[:, :, : several.shape[2]] = several
    return np.where(padded[..., None], cost / sharers[:, :, None, None], 0.0)


def _marginal(curves: FloatArray, prevalence: FloatArray, absent_weight: float) -> FloatArray:
    """Log-likelihood with the prevalence summed out: a spike at 0, else uniform up to 1."""
    weight = np.where((prevalence > 0.0) & (prevalence <= 1.0 + 1e-9), 1.0, 0.0)
    weight *= (1.0 - absent_weight) / weight.sum()
    weight[0] = absent_weight
    with np.errstate(divide="ignore"):
        return np.asarray(log_sum_exp(curves + np.log(weight), axis=3))


def _artefact(
    alt: FloatArray,
    ref: FloatArray,
    seen: BoolArray,
    error: FloatArray,
    germline: FloatArray | None,
    precision: float,
) -> FloatArray:
    """Compute the log-likelihood of an artefact (n,).

    `germline` (n,): log-likelihood of the reads of a germline variant; None if there are none.
    """
    one, no_error = np.ones((1, 1, 1)), np.zeros((1, 1, 1))
    vaf = np.sin((np.arange(_VAF_POINTS) + 0.5) / _VAF_POINTS * (np.pi / 2.0)) ** 2
    measure = np.sqrt(vaf * (1.0 - vaf))  # of the arcsine scale
    at_vaf = read_log_likelihood(alt[..., None], ref[..., None], one, no_error, vaf, precision)
    empty = alt * np.log(error) + ref * np.log1p(-error)

    def beta(a: float, b: float) -> FloatArray:
        density = vaf ** (a - 1.0) * (1.0 - vaf) ** (b - 1.0) * measure
        return np.asarray(np.log(density / density.sum()))

    own = log_sum_exp(at_vaf + beta(*_OWN_VAF), axis=2)
    apart = np.where(seen, np.logaddexp(empty + np.log(_ABSENT), own + np.log(_PRESENT)), 0.0).sum(axis=1)
    together = log_sum_exp(np.where(seen[..., None], at_vaf, 0.0).sum(axis=1) + beta(*_COMMON_VAF), axis=1)
    kinds = [apart, together]
    if germline is not None:
        kinds.append(germline)
    return np.asarray(np.logaddexp.reduce(kinds, axis=0) - np.log(len(kinds)))


def _tails(
    alt: FloatArray,
    ref: FloatArray,
    seen: BoolArray,
    slope: FloatArray,
    error: FloatArray,
    sample_site: IntArray,
    precision: float,
    settings: ObservationSettings,
) -> FloatArray:
    """Compute the log-likelihood of the tail of every site (n, n_sites); `slope` (n, S, 1) is of the first state."""
    empty = alt * np.log(error) + ref * np.log1p(-error)
    shares = np.geomspace(settings.tail_least, settings.tail_most, _VAF_POINTS)
    density = 1.0 / shares  # 1 / F^2 on a logarithmic grid
    log_density = np.log(density / density.sum())
    in_tail = read_log_likelihood(alt[..., None], ref[..., None], slope, error[..., None], shares, precision)
    tail_cell = np.logaddexp(empty + np.log(_ABSENT), log_sum_exp(in_tail + log_density, axis=2) + np.log(_PRESENT))
    empty, tail_cell = np.where(seen, empty, 0.0), np.where(seen, tail_cell, 0.0)
    n_sites = max(int(sample_site.max()) + 1, 1)
    tails = np.stack(
        [np.where(sample_site == site, tail_cell, empty).sum(axis=1) for site in range(n_sites)], axis=1
    ) - np.log(n_sites)
    return np.asarray(tails)


def _germline(
    alt: FloatArray, ref: FloatArray, base: MultiplicityOptions, purity: FloatArray, precision: float
) -> FloatArray:
    """Log-likelihood (n, S) of a heterozygous germline variant, on as many copies as a mutation may be on."""
    state = base.cell_state.astype(np.int64)
    frequency = germline_frequency(
        base.copies[state], base.totals[state], base.normal[state][:, :, None], purity[None, :, None]
    )
    vaf = np.clip(frequency, 1e-3, 1.0 - 1e-3)
    one, no_error = np.ones(1), np.zeros(1)
    found = read_log_likelihood(alt[:, :, None], ref[:, :, None], vaf, no_error, one, precision)
    return np.asarray(log_sum_exp(found + base.log_prior[state], axis=2))


class _Normals(NamedTuple):
    """Reads of the matched normals.

    `alt`, `ref`, `seen`, `error` are arrays (n, N); `somatic` (n,) is the log-likelihood of a somatic mutation.
    """

    alt: FloatArray
    ref: FloatArray
    seen: BoolArray
    error: FloatArray
    somatic: FloatArray

    @classmethod
    def of(cls, mutations: MutationTable, error_rate: float) -> _Normals:
        mutations = with_true_normals(mutations)
        alt = mutations.normal_alt.astype(np.float64)
        ref = mutations.normal_depth - alt
        found = find_tumour_in_normal(mutations, error_rate=error_rate)
        somatic = somatic_in_normal(mutations, found).sum(axis=1)
        error = np.broadcast_to([one.error for one in found], alt.shape)
        return cls(alt, ref, mutations.normal_depth > 0, error, somatic)

    def germline(self, heterozygous: FloatArray, alt: FloatArray, ref: FloatArray) -> FloatArray:
        """Log-likelihood (n,) of a germline variant, given that of the tumours' reads (n,) if it is heterozygous.

        With a normal, which shows what is on both copies, it may be homozygous too. `alt`, `ref` (n, S): the tumours'.
        """
        if not self.alt.shape[1]:
            return heterozygous

        def reads(alt: FloatArray, ref: FloatArray, beta: tuple[float, float]) -> FloatArray:
            return np.asarray((betaln(alt + beta[0], ref + beta[1]) - betaln(*beta)).sum(axis=1))

        on_one = heterozygous + reads(self.alt, self.ref, GERMLINE_VAF["one copy"])
        both_copies = GERMLINE_VAF["both copies"]
        on_both = reads(self.alt, self.ref, both_copies) + reads(alt, ref, both_copies)
        return np.asarray(np.logaddexp(on_one, on_both) - np.log(2.0))


def _rank_in_row(group: IntArray) -> IntArray:
    """Number the distinct values of every row 0, 1, ... by first appearance."""
    rank = np.zeros(group.shape, dtype=np.int64)
    for i, row in enumerate(group.tolist()):
        first: dict[int, int] = {}
        rank[i] = [first.setdefault(value, len(first)) for value in row]
    return rank
