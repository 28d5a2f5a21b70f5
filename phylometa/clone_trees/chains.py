"""Search for clone trees where there are too many to enumerate: Markov chains with diagnostics.

All trees that the chains evaluated are scored exactly, so where the chains agree on the trees that matter (a chain's
trees were seen by the others too), the posterior is the normalised scores over all trees seen: far less noisy than
frequencies of visits. Where they do not (a flat posterior over more trees than can be seen), frequencies are used.

Where chains sit in different modes (frequencies, and split R-hat of 1.2 or more), the chains of a half (the even, the
odd ones) exchange trees from then on: a chain that stands at a tree its half has seen is drawn anew from the posterior
over those trees, whose scores are known. Given the list, which is fixed during a round, this is a Gibbs step and leaves
the posterior as it is; a list that only grows makes the chain an adaptive one (Roberts & Rosenthal 2007,
doi:10.1239/jap/1183667414). The halves exchange nothing but the start of a chain that is lost: what they differ by
still tells whether they agree, and the diagnostics then take each half as one chain.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phylometa.clone_trees.enumeration import TreePosterior
from phylometa.clone_trees.likelihood import ReadModel
from phylometa.config import TreeSettings
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.monte_carlo import split_r_hat

__all__ = [
    "local_search",
    "posterior_of_trees",
    "relation_diagnostics",
    "search_large",
    "search_trees",
    "starting_tree",
]

# Trees this far below the best (natural log) are not kept: 1e-7 of its weight each.
_SCORE_RANGE = 16.0
# Share of a chain's draws that the other chains must have seen before scores replace frequencies.
_COVERAGE = 0.9
# Density of a vertex whose children exceed it however far (one bad cell), exp(-30).
_FLOOR = 1e-13
_START_SWEEPS = 50  # of the short search that each chain starts from
_DRAWS = 100  # draws of a chain that the diagnostics look at
_EXCHANGES = 16  # of a chain and round, where chains exchange trees
_HALVES_DIFFER = 0.1  # most that a relation may differ by between halves of the chains, frequencies as weights


def gaussian_prevalence(model: ReadModel) -> tuple[FloatArray, FloatArray]:
    """Prevalence and variance of each cluster by itself, the germline last (K + 1, S); no reads: any prevalence."""
    known = np.isfinite(model.observed)
    prevalence = np.vstack([np.where(known, model.observed, 0.0), np.ones(model.n_samples)])
    variance = np.vstack([np.where(known, np.maximum(model.sd, 1e-3) ** 2, 1e4), np.full(model.n_samples, 0.01)])
    return prevalence, variance


def starting_tree(model: ReadModel, *, unrelated: bool = False, rng: np.random.Generator | None = None) -> IntArray:
    """A tree to start from: clusters by falling prevalence, each below the vertex where it fits best.

    Parameters
    ----------
    model : ReadModel
    unrelated : bool
        Whether two or more founders are wanted.
    rng : numpy Generator, optional
        Draws the prevalences from their error first: dispersed starts of several chains.

    Returns
    -------
    int64 array (K,)
        Parents; -1 at founders.

    Notes
    -----
    A place is judged by the local score of its parent (see `_local_kernels`): the density of what the children leave.
    """
    prevalence, variance = gaussian_prevalence(model)
    n = model.n_clusters
    if rng is not None:
        noise = rng.standard_normal((n, model.n_samples)) * np.sqrt(np.minimum(variance[:n], 1.0))
        prevalence[:n] = np.maximum(prevalence[:n] + noise, 0.0)
    weight = model.slab / model.prevalence[1]
    parents = np.full(n, -1)
    room, spread = prevalence.copy(), variance.copy()
    order = np.argsort(-prevalence[:n].sum(axis=1), kind="stable")
    for i, k in enumerate(order):
        if i == 0:
            parent = n
        else:
            candidates = np.append(order[:i], n) if unrelated else order[:i]
            gain = _local_score(room[candidates] - prevalence[k], spread[candidates] + variance[k], weight)
            gain -= _local_score(room[candidates], spread[candidates], weight)
            parent = candidates[np.argmax(np.round(gain, 6))]
        parents[k] = -1 if parent == n else parent
        room[parent] -= prevalence[k]
        spread[parent] += variance[k]
    if unrelated and (parents < 0).sum() < 2:
        parents[order[1]] = -1
    return parents


def _local_score(room: FloatArray, variance: FloatArray, weight: float) -> FloatArray:
    """ln[N(room; 0, variance) + weight Phi(room / sd)] summed over samples, with a logistic curve for Phi."""
    sd = np.sqrt(variance)
    z = np.clip(room / sd, -300.0, 300.0)
    density = np.exp(-0.5 * z * z) / (2.5066282746310002 * sd) + weight / (1.0 + np.exp(-1.702 * z))
    return np.asarray(np.log(density + _FLOOR * np.exp(-0.1 * np.abs(z))).sum(axis=-1))


def local_search(
    model: ReadModel,
    *,
    settings: TreeSettings,
    rng: np.random.Generator,
    unrelated: bool = False,
    sweeps: int,
    noisy: bool = False,
) -> tuple[NDArray[np.int16], FloatArray]:
    """Annealing, then sampling, on the local score (see `_local_kernels`).

    Parameters
    ----------
    model : ReadModel
    settings : TreeSettings
    rng : numpy Generator
    unrelated : bool
    sweeps : int
        Moves per cluster, for annealing and again for sampling.
    noisy : bool
        Start from prevalences drawn from their error.

    Returns
    -------
    int16 array (T, K), float64 array (T,)
        Draws of the sampling phase (K at founders), and their local scores.
    """
    from phylometa.clone_trees._local_kernels import anneal_local

    n = model.n_clusters
    prevalence, variance = gaussian_prevalence(model)
    start = starting_tree(model, unrelated=unrelated, rng=rng if noisy else None)
    moves = sweeps * n
    heat = np.concatenate([np.geomspace(0.05, 1.0, moves), np.ones(moves)])
    thin = max(moves // 2000, 1)
    trees, values = anneal_local(
        np.append(np.where(start < 0, n, start), -1),
        prevalence,
        variance,
        model.slab / float(model.prevalence[1]),
        _FLOOR,
        unrelated,
        rng.random((2 * moves, 4)),
        heat,
        thin,
    )
    half = len(trees) // 2
    return trees[half:], values[half:]


def search_large(
    model: ReadModel, *, settings: TreeSettings, rng: np.random.Generator, unrelated: bool = False
) -> tuple[TreePosterior, dict[str, Any]]:
    """The posterior over large trees by chains on the local score, for clusters beyond ``exact_clusters``.

    Parameters
    ----------
    model, settings, rng, unrelated
        As `search_trees`.

    Returns
    -------
    TreePosterior, dict
        Scores are local ones; chains that ended far below the best are left out, and said.
    """
    n = model.n_clusters
    runs = [
        local_search(model, settings=settings, rng=rng, unrelated=unrelated, sweeps=settings.local_sweeps, noisy=i > 0)
        for i in range(settings.chains)
    ]
    tops = np.array([values.max() for _, values in runs])
    used = np.flatnonzero(tops > tops.max() - _SCORE_RANGE)
    flat = np.concatenate([runs[i][0] for i in used])
    values = np.concatenate([runs[i][1] for i in used])
    trees, index, counts = _distinct(flat)
    listed = int(np.clip(100_000 // (n * model.n_samples), 10, settings.max_trees))
    parents = np.where(trees == n, -1, trees).astype(np.int64)
    posterior = posterior_of_trees(parents, values[index], counts.astype(float), listed)
    diagnostics = {
        "chains": len(runs),
        "chains_used": len(used),
        "moves": 2 * settings.local_sweeps * n * len(runs),
        "likelihood": "local",
        "weights": "visits",
        **relation_diagnostics(np.stack([_thinned(draws) for draws, _ in runs])),
    }
    return posterior, diagnostics


@dataclass(eq=False)
class _Chain:
    """One chain: where it stands, its draws, and every tree it scored within reach of the best."""

    tree: IntArray
    draws: list[NDArray[Any]]
    draw_values: list[FloatArray]
    seen: dict[bytes, float]


def search_trees(
    model: ReadModel,
    *,
    settings: TreeSettings,
    rng: np.random.Generator,
    unrelated: bool = False,
    rounds: int | None = None,
    start: IntArray | None = None,
) -> tuple[TreePosterior, dict[str, Any]]:
    """The posterior over trees by Markov chains (prune-regraft, swap and single-clone moves).

    Parameters
    ----------
    model : ReadModel
    settings : TreeSettings
    rng : numpy Generator
    unrelated : bool
        True: two or more founders.
    rounds : int, optional
        Rounds at most, ``settings.rounds`` by default; fewer where the chains agree to ``settings.agreement``.
    start : int64 array (K,), optional
        Tree of the first chain.

    Returns
    -------
    TreePosterior, dict
        The posterior, and the diagnostics of the chains (JSON-ready).
    """
    from phylometa.clone_trees._kernels import run_chain

    n = model.n_clusters
    prevalence, variance = gaussian_prevalence(model)
    density = model.slab / float(model.prevalence[1])
    chains = []
    for i in range(settings.chains):
        tree = start if i == 0 and start is not None else _dispersed_start(model, settings, rng, unrelated)
        chains.append(_Chain(np.append(np.where(tree < 0, n, tree), -1), [], [], {}))
    moves = settings.sweeps * n
    warm = max(moves // 3, 1)
    best = -np.inf
    posterior, agreement, coverage = None, 1.0, 0.0
    done, exchanging, exchanged = 0, False, False
    for _ in range(settings.rounds if rounds is None else rounds):
        lists = [_ScoredTrees(half) for half in (chains[::2], chains[1::2])] if exchanging else []
        for i, chain in enumerate(chains):
            heat = np.ones(moves) if chain.draws else np.concatenate([np.linspace(0.2, 1.0, warm), np.ones(moves)])
            uniforms = rng.random((len(heat), 5 + n))
            n_legs = _EXCHANGES if exchanging and chain.draws else 1
            legs = []
            for part, heat_part in zip(np.array_split(uniforms, n_legs), np.array_split(heat, n_legs)):
                if n_legs > 1:
                    chain.tree = lists[i % 2].exchange(chain.tree, float(rng.random()))
                leg = run_chain(
                    chain.tree,
                    model.likelihood,
                    model.slab,
                    model.founder,
                    prevalence,
                    variance,
                    density,
                    unrelated,
                    part,
                    heat_part,
                )[:4]
                chain.tree = np.append(leg[0][-1].astype(np.int64), -1)
                legs.append(leg)
            trees, values, proposed, proposed_values = (np.concatenate(arrays) for arrays in zip(*legs))
            chain.draws.append(trees[-moves:])
            chain.draw_values.append(values[-moves:])
            best = max(best, float(values.max()), float(proposed_values.max()))
            for scored, value in ((proposed, proposed_values), (trees, values)):
                for row in np.flatnonzero(value > best - _SCORE_RANGE):
                    chain.seen[scored[row].tobytes()] = float(value[row])
        done += 1
        _leave_local_optima(chains)
        halves = _halves(chains)
        posterior, agreement, coverage = _combine(halves, n, best, settings.max_trees, exchanged=exchanging)
        exchanged = exchanging
        if agreement <= settings.agreement:
            break
        if not exchanging and coverage < _COVERAGE:
            exchanging = not _mixing(halves, exchanged=False)["converged"]
    assert posterior is not None
    # Trees that were seen hold about the share `coverage` of all.
    seen = {key: value for chain in chains for key, value in chain.seen.items()}
    evidence = float(np.logaddexp.reduce(list(seen.values()))) - float(np.log(max(coverage, 0.01)))
    posterior = replace(posterior, log_evidence=evidence)
    posterior = posterior.shifted(float(model.log_scale.sum()))
    mixing = _mixing(halves, exchanged=exchanged)
    if coverage >= _COVERAGE:  # each tree counts by its score, however often it was visited
        mixing["converged"] = agreement <= settings.agreement
    else:
        mixing["converged"] &= agreement <= _HALVES_DIFFER
    diagnostics = {
        "chains": len(chains),
        "chains_used": sum(map(len, halves)),
        "rounds": done,
        "moves": done * moves * len(chains),
        "coverage": coverage,
        "weights": "scores" if coverage >= _COVERAGE else "visits",
        "disagreement": agreement,
        **mixing,
    }
    return posterior, diagnostics


class _ScoredTrees:
    """All trees that some chains have seen, with their posterior among each other."""

    def __init__(self, chains: list[_Chain]) -> None:
        scores = {tree: score for chain in chains for tree, score in chain.seen.items()}
        self.trees = sorted(scores)
        self.known = frozenset(self.trees)
        if self.trees:
            value = np.array([scores[tree] for tree in self.trees])
            self.up_to = np.cumsum(np.exp(value - value.max()))

    def exchange(self, tree: IntArray, uniform: float) -> IntArray:
        """A draw in place of a tree on the list; a tree that is not on it as it is. (K + 1,), the germline last."""
        if tree[:-1].astype(np.int16).tobytes() not in self.known:
            return tree
        drawn = self.trees[int(np.searchsorted(self.up_to, uniform * self.up_to[-1], side="right"))]
        return np.append(np.frombuffer(drawn, dtype=np.int16).astype(np.int64), -1)


def _halves(chains: list[_Chain]) -> list[list[_Chain]]:
    """The chains that have draws, the even and the odd ones of all; halves without any are left out."""
    halves = [[chain for chain in half if chain.draws] for half in (chains[::2], chains[1::2])]
    return [half for half in halves if half]


def _mixing(halves: list[list[_Chain]], *, exchanged: bool) -> dict[str, Any]:
    """`relation_diagnostics` of the chains; of the halves as one chain each, their chains in turn, if `exchanged`."""
    groups = halves if exchanged else [[chain] for half in halves for chain in half]
    drawn = [[_thinned(np.concatenate(chain.draws)) for chain in group] for group in groups]
    n_draws = min(len(draws) for group in drawn for draws in group)
    return relation_diagnostics(np.stack([[group[t % len(group)][t] for t in range(n_draws)] for group in drawn]))


def _dispersed_start(model: ReadModel, settings: TreeSettings, rng: np.random.Generator, unrelated: bool) -> IntArray:
    """The best tree of a short search by the local score, from prevalences drawn from their error."""
    sweeps = _START_SWEEPS
    trees, values = local_search(model, settings=settings, rng=rng, unrelated=unrelated, sweeps=sweeps, noisy=True)
    tree = trees[values.argmax()].astype(np.int64)
    return np.where(tree == model.n_clusters, -1, tree)


def _leave_local_optima(chains: list[_Chain]) -> None:
    """Drop rounds that never came near the best tree; a chain left without any starts anew from where the best is.

    What is dropped stands for less than 1e-7 of the weight. The new start is heated, as the first was.
    """
    leader = max((chain for chain in chains if chain.draws), key=lambda chain: float(chain.draw_values[-1].max()))
    best = max(float(values.max()) for chain in chains for values in chain.draw_values)
    for chain in chains:
        near = [values.max() > best - _SCORE_RANGE for values in chain.draw_values]
        chain.draws = [draws for draws, is_near in zip(chain.draws, near) if is_near]
        chain.draw_values = [values for values, is_near in zip(chain.draw_values, near) if is_near]
        if not chain.draws and chain is not leader:
            chain.tree = leader.tree.copy()


def _thinned(draws: NDArray[Any]) -> NDArray[Any]:
    return draws[np.linspace(0, len(draws) - 1, min(_DRAWS, len(draws))).astype(int)]


def _distinct(trees: NDArray[Any]) -> tuple[NDArray[Any], IntArray, IntArray]:
    """Distinct rows, the index of the first of each, and how often each occurs (much faster than `numpy.unique`)."""
    # A chain stays where it is most of the time: runs of one tree are counted as wholes.
    start = np.flatnonzero(np.append(True, (trees[1:] != trees[:-1]).any(axis=1)))
    rows = np.ascontiguousarray(trees[start])
    number: dict[bytes, int] = {}
    keys = rows.view(np.dtype((np.void, rows.shape[1] * rows.itemsize))).ravel().tolist()
    inverse = np.array([number.setdefault(key, len(number)) for key in keys])
    counts = np.bincount(inverse, np.diff(start, append=len(trees))).astype(np.int64)
    index = start[np.flatnonzero(np.diff(np.maximum.accumulate(inverse), prepend=-1))]
    return trees[index], index, counts


def _combine(
    halves: list[list[_Chain]], n: int, best: float, max_trees: int, *, exchanged: bool
) -> tuple[TreePosterior, float, float]:
    """Posterior of all chains, greatest difference of a relation between the two halves of them, and coverage.

    Coverage is the mean share of a chain's draws that the other chains have seen; those of the other half alone once
    the chains of a half have `exchanged` trees.
    """
    chains = [chain for half in halves for chain in half]
    for chain in chains:
        chain.seen = {key: value for key, value in chain.seen.items() if value > best - _SCORE_RANGE}
    covered = []
    for half in halves:
        for chain in half:
            others = [other for other in chains if other is not chain and not (exchanged and other in half)]
            trees_of_others: set[bytes] = set().union(*(other.seen for other in others))
            draws = _thinned(np.concatenate(chain.draws))
            covered.append(np.mean([row.tobytes() in trees_of_others for row in draws]))
    coverage = float(np.mean(covered))
    groups = [chains, *halves] if len(halves) > 1 else [chains]
    results = []
    for group in groups:
        if coverage >= _COVERAGE:
            seen: dict[bytes, float] = {}
            for chain in group:
                seen.update(chain.seen)
            keys = sorted(seen)
            score = np.array([seen[key] for key in keys])
            trees = np.frombuffer(b"".join(keys), dtype=np.int16).reshape(-1, n)
            weights = np.exp(score - score.max())
        else:
            flat = np.concatenate([draws for chain in group for draws in chain.draws])
            values = np.concatenate([values for chain in group for values in chain.draw_values])
            trees, index, counts = _distinct(flat)
            score, weights = values[index], counts.astype(float)
        results.append(posterior_of_trees(np.where(trees == n, -1, trees).astype(np.int64), score, weights, max_trees))
    if len(results) == 1:
        return results[0], 1.0, coverage
    first, second = results[1].ancestor_probability, results[2].ancestor_probability
    branched = np.abs((first + first.T) - (second + second.T))
    difference = 0.5 * (np.abs(first - second) + np.abs(first - second).T + branched)
    return results[0], float(difference.max()), coverage


def posterior_of_trees(parents: IntArray, score: FloatArray, weights: FloatArray, max_trees: int) -> TreePosterior:
    """Marginals over weighted distinct trees, and a list of them that stands for all.

    Where there are more than `max_trees`, those whose weight w is at least c keep it, and the others are thinned
    systematically, each with probability w / c, to the weight c, with c such that `max_trees` are left (Fearnhead and
    Clifford 2003, doi:10.1111/1467-9868.00421): sums over the list stand for those over all trees. The best tree is
    always listed, first.

    Parameters
    ----------
    parents : int64 array (T, K)
        -1 at founders.
    score : float64 array (T,)
        Marginal log-likelihood.
    weights : float64 array (T,)
        Posterior weights, any scale.
    max_trees : int

    Returns
    -------
    TreePosterior
    """
    n = parents.shape[1]
    weights = weights / weights.sum()
    order = np.lexsort((*parents.T[::-1], -np.round(score, 9), -np.round(weights, 12)))
    edges, ancestors = np.zeros((n, n)), np.zeros((n, n))
    for v in range(n):
        edges[:, v] = np.bincount(parents[order, v] + 1, weights[order], n + 1)[1:]
    rows = max(1, 4_000_000 // (n * n))
    for start in range(0, len(order), rows):
        part = order[start : start + rows]
        above = ancestors_of_many(parents[part]).reshape(len(part), -1)
        ancestors += (weights[part] @ above).reshape(n, n)
    chosen, listed = _representative(weights[order], parents[order], max_trees)
    order = order[chosen]
    return TreePosterior(
        parents=parents[order],
        log_score=score[order],
        weights=listed,
        n_trees=len(parents),
        edge_support=edges,
        ancestor_probability=ancestors,
        log_evidence=float(np.logaddexp.reduce(score)),
    )


def _representative(weights: FloatArray, parents: IntArray, limit: int) -> tuple[IntArray, FloatArray]:
    """Indices of at most `limit` of the falling weights (T,), which add up to 1, and what they weigh in their list.

    Trees (T, K) that begin alike are neighbours where they are thinned, so that all kinds keep their share.
    """
    if len(weights) <= limit:
        return np.arange(len(weights)), weights
    if limit == 1:
        return np.zeros(1, dtype=np.int64), np.ones(1)
    rest = 1.0 - np.cumsum(weights)  # of those behind the first i + 1
    kept = 1  # the best always
    while kept < limit - 1 and weights[kept] * (limit - kept) > rest[kept - 1]:
        kept += 1
    alike = kept + np.lexsort(parents[kept:].T[::-1])
    behind = np.cumsum(weights[alike])
    even = (np.arange(limit - kept) + 0.5) / (limit - kept) * behind[-1]
    drawn = np.sort(alike[np.unique(np.minimum(np.searchsorted(behind, even), len(behind) - 1))])
    chosen = np.concatenate([np.arange(kept), drawn])
    return chosen, np.concatenate([weights[:kept], np.full(len(drawn), behind[-1] / len(drawn))])


def relation_diagnostics(draws: NDArray[Any]) -> dict[str, Any]:
    """Split-R-hat and effective sample size of the pairwise ancestor relations.

    Parameters
    ----------
    draws : int array (chains, draws, K)
        Parent vectors; K at founders.

    Returns
    -------
    dict
        ``r_hat`` (the largest; 1.0 where no relation varies), ``effective_draws`` (the least), ``converged``.

    Notes
    -----
    `split_r_hat` of the 0/1 series of every relation whose frequency lies within .05 and .95. The effective size is
    that of the between-chain variance: variance of the series over the variance of the means of split
    chains.
    """
    n_chains, n_draws, n = draws.shape
    half = n_draws // 2
    if half < 2:
        return {"r_hat": 1.0, "effective_draws": 0.0, "converged": False}
    split = np.concatenate([draws[:, :half], draws[:, half : 2 * half]]).astype(np.int64)
    means = np.zeros((len(split), n * n))
    for i, series in enumerate(split):
        matrix = ancestors_of_many(np.where(series == n, -1, series))
        means[i] = matrix.reshape(half, -1).mean(axis=0)
    overall = means.mean(axis=0)
    varying = (overall > 0.05) & (overall < 0.95)
    if not varying.any():
        return {"r_hat": 1.0, "effective_draws": float(len(split) * half), "converged": True}
    within = (means * (1 - means) * half / (half - 1)).mean(axis=0)[varying]
    between = means.var(axis=0, ddof=1)[varying]
    total = within * (half - 1) / half + between
    r_hat = float(split_r_hat(within, between, half).max())
    effective = float((total / np.maximum(between, 1e-12)).min() * len(split))
    effective = min(effective, float(len(split) * half))
    return {"r_hat": r_hat, "effective_draws": effective, "converged": r_hat < 1.2}


def ancestors_of_many(parents: IntArray) -> BoolArray:
    """Proper ancestors for many parent vectors at once: (T, K) to (T, K, K), ``[t, u, v]`` u above v."""
    n_trees, n = parents.shape
    matrix = np.zeros((n_trees, n, n), dtype=bool)
    rows = np.arange(n_trees)[:, None]
    columns = np.arange(n)[None, :]
    above = parents
    while (above >= 0).any():
        inside = above >= 0
        matrix[
            np.broadcast_to(rows, above.shape)[inside], above[inside], np.broadcast_to(columns, above.shape)[inside]
        ] = True
        above = np.where(inside, parents[rows, np.maximum(above, 0)], -1)
    return matrix
