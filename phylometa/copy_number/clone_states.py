"""Copy number of every clone: which branch of the clone tree changed a segment, and to what.

A segment's state is a pair of allele copies. It is 1 + 1 at the root of the clone tree and changes on few branches: all
plans of none, one or two changes (branch and new state) are enumerated; a lost allele does not come back, and clones
below the branch of a genome doubling have twice the copies. A sample shows the mean over its clones, weighted by
their proportions: of each allele if alleles are phased or a caller rounded the mean, of the major and of the minor
copies of every clone's state if it told subclonal states apart. The log weight of a plan is

    sum over samples of -min(|x - mu|^2 / (2 sigma^2), cap)
    + sum over changes of log(rate / (1 - rate)) + log w(s -> s')

(x observed, mu expected; a rounded x allows mu half a copy on either side). w prefers single steps, and one allele to
both. The cap is the weight of a caller's gross error (1 %): up to a copy too many or too few of one allele. sigma, if
copies are fractional, and the rate of every branch are fitted (empirical Bayes). Branches of a doubling (none, one, or
two) are compared by the evidence of one change a segment, the arms being the units; two changes are then enumerated
under those that count.
What a third change could gain at most is the misfit that is left plus the best weight of a change: it is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from phylometa.config import CopyNumberSettings
from phylometa.copy_number.arms import arm_spans
from phylometa.copy_number.clone_events import clone_events
from phylometa.copy_number.doubling import LATER, PRIOR
from phylometa.copy_number.inference import tumour_profile
from phylometa.copy_number.measured_means import mean_copies
from phylometa.copy_number.segmentation import CopyNumberMatrix, consistent_segmentation
from phylometa.errors import InfeasibleError
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.clone_copy_number import CloneCopyNumber
from phylometa.model.clone_tree import ancestor_matrix, preorder
from phylometa.model.patient import CopyNumberProfile
from phylometa.model.tree_ensemble import TreeEnsemble

__all__ = [
    "clone_copy_number_of_trees",
    "infer_clone_copy_number",
    "observed_means",
    "score_clone_states",
    "segment_posterior",
]

# Highest copies of an allele that are told apart (a doubling of more stays there).
TOP = 16
# Standard deviations of a sample's mean copies that are tried.
NOISE = (0.05, 0.08, 0.12, 0.2)
# Share of segments a caller has grossly wrong: up to one copy, more or less, of either allele.
WRONG, DIRECTIONS = 0.01, 4
# Rates of change of the trunk and of other branches before they are fitted, and the segments that prior is worth.
TRUNK_RATE, BRANCH_RATE, RATE_WEIGHT = 0.2, 0.03, 4.0
# Plans this much less probable than the best of a segment (in logs) are left out.
CUT = 12.0
# Trees and doublings below this posterior weight are left out.
LEAST_WEIGHT = 0.02
# log w: one copy more or less of an allele; every further copy; both alleles on one branch.
ONE_STEP, FURTHER, BOTH = np.log(0.5), np.log(0.35), np.log(0.4)


def infer_clone_copy_number(
    profile: CopyNumberProfile,
    clone_names: Sequence[str],
    trees: Sequence[tuple[IntArray, float, FloatArray]],
    sample_names: Sequence[str],
    *,
    min_segment_length: int = 0,
) -> CloneCopyNumber:
    """Infer allele-specific copy number of every segment in every clone, with the changes on every branch.

    Parameters
    ----------
    profile : CopyNumberProfile
        Tumour samples; segments of unknown copy number and a male's X and Y left out.
    clone_names : sequence of str, length K
    trees : sequence of (parents (K,), weight, proportions (K, S))
        Clone trees, the most probable first; proportions are shares of the clones among tumour cells.
    sample_names : sequence of str, length S
        Columns of the proportions.
    min_segment_length : int
        Common segments shorter than this (bp) are left out.

    Returns
    -------
    CloneCopyNumber

    Raises
    ------
    InfeasibleError
        If no segment has allele-specific copy number in all samples.
    """
    means, is_rounded = mean_copies(profile)
    matrix = consistent_segmentation(profile, means, min_segment_length=min_segment_length)
    if matrix.copies.shape[1] < 2:
        raise InfeasibleError("copy number of clones needs allele-specific copy number")
    observed = observed_means(profile, means, matrix)
    columns = [list(sample_names).index(name) for name in matrix.sample_names]
    heaviest = max(weight for _, weight, _ in trees)
    used = [tree for tree in trees if tree[1] >= LEAST_WEIGHT * heaviest][:_MOST_TREES]
    share = np.array([weight for _, weight, _ in used]) / sum(weight for _, weight, _ in used)
    scored = [
        score_clone_states(
            observed,
            parents,
            proportions[:, columns],
            unit=_arm_weights(matrix),
            is_phased=matrix.is_phased,
            is_rounded=is_rounded,
        )
        for parents, _, proportions in used
    ]
    states = sum(w * item.states for w, item in zip(share, scored))
    changes = sum(w * item.changes for w, item in zip(share, scored))
    doubling = sum(w * item.doubling for w, item in zip(share, scored))
    assert isinstance(states, np.ndarray) and isinstance(changes, np.ndarray) and isinstance(doubling, np.ndarray)
    n_segments, n_clones = states.shape[:2]
    flat = states.reshape(n_segments, n_clones, -1)
    best = flat.argmax(axis=2)
    found = CloneCopyNumber(
        clone_names=tuple(clone_names),
        parents=used[0][0],
        chroms=matrix.chroms,
        start=matrix.start,
        end=matrix.end,
        states=np.stack(np.divmod(best, TOP + 1), axis=-1).transpose(1, 0, 2),
        state_probability=np.clip(flat.max(axis=2).T, 0.0, 1.0),
        change_probability=np.clip(changes.T, 0.0, 1.0),
        doubling_probability=np.clip(doubling[:-1], 0.0, 1.0),
        third_change=scored[0].third,
        noise=float("nan") if is_rounded else scored[0].noise,
        n_trees=len(used),
        is_phased=matrix.is_phased,
    )
    return replace(found, events=clone_events(found, scored[0].best))


# Clone trees averaged over, at most.
_MOST_TREES = 3


def clone_copy_number_of_trees(
    profile: CopyNumberProfile,
    trees: TreeEnsemble,
    sample_names: Sequence[str],
    *,
    settings: CopyNumberSettings,
    sex: str | None = None,
) -> CloneCopyNumber:
    """Run `infer_clone_copy_number` on the posterior of clone trees, at the posterior means of the proportions.

    Parameters
    ----------
    profile : CopyNumberProfile
    trees : TreeEnsemble
    sample_names : sequence of str
        Columns of its proportions.
    settings : CopyNumberSettings
    sex : {"female", "male"}, optional

    Returns
    -------
    CloneCopyNumber

    Raises
    ------
    InfeasibleError
        If no segment has allele-specific copy number in all samples.
    """
    kept, _ = tumour_profile(profile, sex)
    listed = list(zip(trees.parents, trees.weights.tolist(), trees.proportions))
    options = {"min_segment_length": settings.min_segment_length}
    return infer_clone_copy_number(kept, trees.names, listed, sample_names, **options)


def observed_means(profile: CopyNumberProfile, means: FloatArray, matrix: CopyNumberMatrix) -> FloatArray:
    """Look up the mean copies (n, 2) of a profile's segments in every sample on common segments (N, S, 2)."""
    observed = np.full((len(matrix.chroms), len(matrix.sample_names), 2), np.nan)
    middle = (np.asarray(matrix.start) + np.asarray(matrix.end)) // 2
    names = np.array(matrix.chroms)
    chroms = np.array(profile.chroms)
    for s, name in enumerate(matrix.sample_names):
        own = profile.sample == profile.sample_names.index(name)
        for chrom in dict.fromkeys(matrix.chroms):
            rows = np.flatnonzero(own & (chroms == chrom))
            here = np.flatnonzero(names == chrom)
            if not len(rows):
                continue
            rows = rows[np.argsort(profile.start[rows], kind="stable")]
            at = np.searchsorted(profile.start[rows], middle[here], side="right") - 1
            inside = (at >= 0) & (profile.end[rows[np.maximum(at, 0)]] > middle[here])
            observed[here[inside], s] = means[rows[at[inside]]]
    return observed


def _arm_weights(matrix: CopyNumberMatrix) -> FloatArray:
    """Share of its arm that a segment covers (N,): arms count as one unit of evidence each."""
    length = matrix.length.astype(np.float64)
    arms = []
    for chrom, start, end in zip(matrix.chroms, matrix.start.tolist(), matrix.end.tolist()):
        spans = arm_spans(chrom)
        overlap = [min(end, stop) - max(start, first) for _, first, stop in spans]
        arms.append((chrom, spans[int(np.argmax(overlap))][0]))
    index = {arm: i for i, arm in enumerate(dict.fromkeys(arms))}
    number = np.array([index[arm] for arm in arms], dtype=np.int64)
    return np.asarray(length / np.bincount(number, weights=length)[number])


@dataclass(frozen=True, eq=False)
class _Scored:
    """Posterior under one tree: states (N, K, TOP + 1, TOP + 1), changes (N, K), doubling (K + 1; none last), third
    (N,), noise, and copies of every clone in the best plan of every segment (N, K, 2)."""

    states: FloatArray
    changes: FloatArray
    doubling: FloatArray
    third: FloatArray
    noise: float
    best: IntArray


@dataclass(frozen=True, eq=False)
class _Plans:
    """Plans of a tree with its doublings: branches and flags as `_clone_kernels.score_plans` takes them."""

    first: IntArray
    second: IntArray
    is_nested: BoolArray
    groups: FloatArray
    first_doubled: IntArray
    second_doubled: IntArray
    between_doubled: IntArray
    first_at_doubling: BoolArray
    second_at_doubling: BoolArray
    group_of_clone: IntArray

    def arguments(self) -> tuple[IntArray | FloatArray | BoolArray, ...]:
        return (
            *(self.first, self.second, self.is_nested, self.groups, self.first_doubled, self.second_doubled),
            *(self.between_doubled, self.first_at_doubling, self.second_at_doubling),
        )


def _plans(parents: IntArray, proportions: FloatArray, doublings: frozenset[int], most: int) -> _Plans:
    """All sets of at most `most` branches, an ancestor before its descendant, under doublings on some branches."""
    n = len(parents)
    below = ancestor_matrix(parents)  # [u, v]: v is u or below it
    doubled = below[sorted(doublings)].sum(axis=0).astype(np.int64)  # doublings above or at every branch
    order = preorder(parents)
    pairs = [(-1, -1)] + [(u, -1) for u in order]
    if most > 1:
        pairs += [(u, v) for i, u in enumerate(order) for v in order[i + 1 :]]
    first, second = (np.array(column, dtype=np.int64) for column in zip(*pairs))
    group = np.tile(doubled, (len(pairs), 1))
    is_nested = np.zeros(len(pairs), dtype=bool)
    for p, (u, v) in enumerate(pairs):
        # Below a change its state holds, doubled as often as doublings lie below it.
        for place, branch in enumerate((u, v), start=1):
            if branch >= 0:
                group[p, below[branch]] = 3 * place + doubled[below[branch]] - doubled[branch]
        is_nested[p] = v >= 0 and bool(below[u, v])
    shares = np.stack([(group == g).astype(np.float64) @ proportions for g in range(9)], axis=1)
    of_first, of_second = (np.where(branch >= 0, doubled[branch], 0) for branch in (first, second))
    at = np.isin(np.arange(n), sorted(doublings))
    on_first, on_second = ((branch >= 0) & at[branch] for branch in (first, second))
    between = np.where(is_nested, of_second - of_first, 0)
    return _Plans(first, second, is_nested, shares, of_first, of_second, between, on_first, on_second, group)


def score_clone_states(
    observed: FloatArray,
    parents: IntArray,
    proportions: FloatArray,
    *,
    unit: FloatArray | None = None,
    is_phased: bool = False,
    is_rounded: bool = False,
) -> _Scored:
    """Compute the posterior of the states under one tree.

    Parameters
    ----------
    observed : float64 array (N, S, 2)
        Mean copies of the major and the minor allele (of both alleles if phased); NaN if unknown.
    parents : int64 array (K,)
    proportions : float64 array (K, S)
    unit : float64 array (N,), optional
        Units of evidence that a segment is for the doubling; default 1.
    is_phased, is_rounded : bool

    Returns
    -------
    _Scored
    """
    unit = np.ones(len(observed)) if unit is None else unit
    n = len(parents)
    columns, index = np.unique(np.round(observed, 3).reshape(len(observed), -1), axis=0, return_inverse=True)
    columns = columns.reshape(len(columns), -1, 2)
    weight = np.bincount(index.reshape(-1), weights=unit, minlength=len(columns))
    root = preorder(parents)[0]
    data = _Data(columns, weight.astype(np.float64), np.asarray(parents), proportions, root, is_phased, is_rounded)
    noise, evidence = NOISE[-2], {}
    for _ in range(1 if is_rounded else 2):  # doublings at a middle noise, the noise under them, doublings again
        evidence = _doubling_evidence(data, noise)
        likely = max(evidence, key=lambda chosen: evidence[chosen])
        fitted = noise if is_rounded else max(NOISE, key=lambda value: data.fitted(likely, value)[0])
        if fitted == noise:
            break
        noise = fitted
    sets = list(evidence)
    log_posterior = np.array([evidence[chosen] for chosen in sets])
    posterior = np.exp(log_posterior - np.logaddexp.reduce(log_posterior))
    doubling = np.zeros(n + 1)
    for chosen, share in zip(sets, posterior.tolist()):
        doubling[sorted(chosen) if chosen else [n]] += share
    states = np.zeros((len(columns), n, TOP + 1, TOP + 1))
    changes = np.zeros((len(columns), n))
    third = np.zeros(len(columns))
    copies = np.ones((len(columns), n, 2), dtype=np.int64)
    kept = [i for i in np.argsort(-posterior).tolist() if posterior[i] >= LEAST_WEIGHT]
    mass = posterior[kept] / posterior[kept].sum()
    for place, (i, share) in enumerate(zip(kept, mass.tolist())):
        full = _plans(data.parents, proportions, sets[i], 2)
        rate = data.fitted(sets[i], noise)[1]
        for c, item in enumerate(_scores(columns, full, rate, noise, data.shape)):
            item.add(share, full, states[c], changes[c])
            if place == 0:
                copies[c] = item.copies(full)
                misfit = data.misfit(c, copies[c], noise)
                third[c] = max(0.0, misfit + float(np.log(rate / (1.0 - rate)).max()) + ONE_STEP)
    rows = index.reshape(-1)
    return _Scored(states[rows], changes[rows], doubling, third[rows], noise, copies[rows])


def segment_posterior(
    column: FloatArray,
    parents: IntArray,
    proportions: FloatArray,
    *,
    doublings: frozenset[int] = frozenset(),
    rate: FloatArray,
    noise: float,
    is_phased: bool = False,
    is_rounded: bool = False,
) -> tuple[float, FloatArray, FloatArray]:
    """Compute evidence and posterior of a segment under plans of at most two changes, given doublings, rates and noise.

    Parameters
    ----------
    column : float64 array (S, 2)
        Mean copies.
    parents : int64 array (K,)
    proportions : float64 array (K, S)
    doublings : frozenset of int
        Branches (the clones below them), at most two on one path.
    rate : float64 array (K,)
        P(a change) of every branch.
    noise : float
    is_phased, is_rounded : bool

    Returns
    -------
    (float, float64 array (K, TOP + 1, TOP + 1), float64 array (K,))
        Log evidence, P(copies of every clone), P(a change on every branch).
    """
    plans = _plans(parents, proportions, doublings, 2)
    (item,) = _scores(column[None], plans, rate, noise, (is_phased, is_rounded))
    states, changes = np.zeros((len(parents), TOP + 1, TOP + 1)), np.zeros(len(parents))
    item.add(1.0, plans, states, changes)
    return item.evidence, states, changes


@dataclass(frozen=True, eq=False)
class _Data:
    """What is scored under one tree: distinct columns of means (U, S, 2), their units, the tree, kind of means."""

    columns: FloatArray
    weight: FloatArray
    parents: IntArray
    proportions: FloatArray
    root: int
    is_phased: bool
    is_rounded: bool

    @property
    def shape(self) -> tuple[bool, bool]:
        return self.is_phased, self.is_rounded

    @property
    def start_rate(self) -> FloatArray:
        """Rates of change before they are fitted (K,)."""
        return np.where(np.arange(len(self.parents)) == self.root, TRUNK_RATE, BRANCH_RATE).astype(np.float64)

    def fitted(self, doublings: frozenset[int], noise: float) -> tuple[float, FloatArray]:
        """Log evidence of one change a segment under doublings, and the rates of the branches (K,) fitted to it."""
        plans = _plans(self.parents, self.proportions, doublings, 1)
        start = self.start_rate
        # Rates only shift the weights of plans, which are therefore listed once, from the rates at the start.
        items = list(_scores(self.columns, plans, start, noise, self.shape, CUT + _RATE_SHIFT))
        first = np.cumsum([0] + [len(item.weights) for item in items[:-1]])
        weights = np.concatenate([item.weights for item in items])
        branch = plans.first[np.concatenate([item.found[:, 0] for item in items])]
        changes = branch >= 0
        of_column = np.repeat(np.arange(len(items)), [len(item.weights) for item in items])
        fixed = float(self.weight @ [item.constant for item in items])
        rate, total, total_weight = start, 0.0, self.weight.sum()
        for _ in range(_RATE_ROUNDS):
            shift = np.log(rate / (1.0 - rate)) - np.log(start / (1.0 - start))
            shifted = weights + np.where(changes, shift[branch], 0.0)
            evidence = np.logaddexp.reduceat(shifted, first)
            unchanged = float(np.log1p(-rate).sum() - np.log1p(-start).sum())
            total = fixed + total_weight * unchanged + float(self.weight @ evidence)
            share = self.weight[of_column] * np.exp(shifted - evidence[of_column])
            counted = np.bincount(branch[changes], share[changes], minlength=len(rate))
            rate = np.clip((counted + RATE_WEIGHT * start) / (total_weight + RATE_WEIGHT), 1e-4, 0.9)
        return total, rate

    def misfit(self, column: int, copies: IntArray, noise: float) -> float:
        """What a perfect fit would gain over copies (K, 2) of the clones."""
        sorts = not self.is_phased and not self.is_rounded
        own = np.sort(copies, axis=1)[:, ::-1] if sorts else copies
        mean = self.proportions.T @ own.astype(np.float64)
        distance = np.abs(self.columns[column] - (np.sort(mean, axis=1)[:, ::-1] if self.is_rounded else mean))
        distance = np.maximum(distance - 0.5, 0.0) if self.is_rounded else distance
        squared = (np.nan_to_num(distance) ** 2).sum(axis=1)
        return float(np.minimum(squared / (2.0 * noise**2), _cap(noise)).sum())


# Columns of most weight on which branches of a doubling are screened, and the log weight below the best that is kept.
_SCREENED, _SCREEN_CUT = 80, 20.0
# Prevalence that a doubled clone must reach in some sample to be seen if a caller rounds (which hides half a copy).
_TOLD_BY_ROUNDED = 2.0 / 3.0


def _doubling_evidence(data: _Data, noise: float) -> dict[frozenset[int], float]:
    """Log posterior weight of no doubling, of every branch, and of every second branch beside the best.

    Sets that are far behind on the columns of most weight are left out before the others are scored on all. If means
    are rounded, clones that make less than two thirds of every sample are left out: their doubling would not show.
    """
    n = len(data.parents)
    prevalence = (ancestor_matrix(data.parents).astype(np.float64) @ data.proportions).max(axis=1)
    branches = [v for v in range(n) if not data.is_rounded or prevalence[v] >= _TOLD_BY_ROUNDED]
    single = np.full(n, LATER / max(n - 1, 1))
    single[data.root] = PRIOR - LATER
    odds = np.log(single / (1.0 - single))
    rows = np.argsort(-data.weight, kind="stable")[:_SCREENED]
    scale = data.weight.sum() / data.weight[rows].sum()
    part = replace(data, columns=data.columns[rows], weight=data.weight[rows] * scale)

    def scored(of: _Data, chosen: frozenset[int]) -> float:
        return of.fitted(chosen, noise)[0] + float(odds[sorted(chosen)].sum())

    screened = {chosen: scored(part, chosen) for chosen in (frozenset[int](), *(frozenset([v]) for v in branches))}
    best = max(screened, key=lambda chosen: screened[chosen])
    if best:
        both = [best | {v} for v in branches if v not in best]
        screened |= {chosen: scored(part, chosen) for chosen in both}
    highest = max(screened.values())
    kept = [chosen for chosen, value in screened.items() if value >= highest - _SCREEN_CUT]
    return {chosen: scored(data, chosen) for chosen in kept}


# Fits of the rates of change, each from the posterior under the last.
_RATE_ROUNDS = 3
# Log weight by which plans that are far behind may gain on the best as rates are fitted.
_RATE_SHIFT = 6.0


@dataclass(frozen=True, eq=False)
class _Score:
    """Plans of a segment that count: (plan, states), and their log weights."""

    found: IntArray
    weights: FloatArray
    constant: float

    @property
    def evidence(self) -> float:
        """Log of the sum over plans, with the constants of noise and rates."""
        return float(np.logaddexp.reduce(self.weights)) + self.constant

    @property
    def share(self) -> FloatArray:
        """Posterior shares of the plans."""
        return np.asarray(np.exp(self.weights - np.logaddexp.reduce(self.weights)))

    def add(self, weight: float, plans: _Plans, states: FloatArray, changes: FloatArray) -> None:
        """Add the plans to the posteriors of a segment's states and changes."""
        from phylometa.copy_number._clone_kernels import add_plans

        arguments = (plans.first, plans.second, plans.group_of_clone, states, changes)
        add_plans(self.found, weight * self.share, *arguments)

    def copies(self, plans: _Plans) -> IntArray:
        """Copies of every clone (K, 2) in the best plan."""
        row = self.found[int(self.weights.argmax())]
        own = np.array([2**i * state for state in (np.ones(2, dtype=np.int64), row[1:3], row[3:5]) for i in range(3)])
        return np.asarray(np.minimum(own[plans.group_of_clone[row[0]]], TOP))


def _cap(noise: float) -> float:
    """Loss at which a caller's gross error explains a sample's copies as well; it is as noisy as a right state."""
    return float(np.log((1.0 - WRONG) / WRONG) + np.log(DIRECTIONS / (np.sqrt(2.0 * np.pi) * noise)))


def _scores(
    columns: FloatArray,
    plans: _Plans,
    rate: FloatArray,
    noise: float,
    shape: tuple[bool, bool],
    cut: float = CUT,
) -> Iterator[_Score]:
    from phylometa.copy_number import _clone_kernels

    score_plans: Any = _clone_kernels.score_plans
    log_rate = np.log(rate / (1.0 - rate))
    table = _allele_weights()
    for column in columns:
        known = np.isfinite(column[:, 0])
        values = _candidate_values(column)
        model = (values, log_rate, table, BOTH, *shape, 1.0 / (2.0 * noise**2), _cap(noise), cut)
        found, weights = score_plans(column, *plans.arguments(), *model)
        constant = float(np.log1p(-rate).sum()) - float(known.sum()) * float(np.log(2.0 * np.pi * noise**2))
        yield _Score(found, weights, constant)


def _candidate_values(column: FloatArray) -> IntArray:
    """Copies of an allele that a clone may have: none to one more than any sample's mean, and what is seen beyond."""
    seen = column[np.isfinite(column)]
    highest = int(np.ceil(seen.max(initial=1.0) - 0.2))
    low = set(range(min(max(highest + 1, 3), 6) + 1))
    beyond = {min(int(round(x)), TOP) for x in seen.tolist() if x > 5.5}
    return np.array(sorted(low | beyond), dtype=np.int64)


def _allele_weights() -> FloatArray:
    """Log weight (TOP + 1, TOP + 1) of a change of one allele; 0 on the diagonal, and no way back from 0."""
    table = np.zeros((TOP + 1, TOP + 1))
    for a in range(TOP + 1):
        for b in range(TOP + 1):
            steps = abs(a - b)
            if a == 0 and b > 0:
                table[a, b] = -np.inf
            elif steps:
                extra = steps - 1 if steps <= 3 else 2 + np.log2(steps / 3)
                table[a, b] = ONE_STEP + extra * FURTHER
    return table
