"""Search for clone trees when there are too many to enumerate: Markov chains with diagnostics.

All trees that the chains evaluated are scored exactly, so if the chains agree on the trees that matter (a chain's
trees were seen by the others too), the posterior is the normalised scores over all trees seen: far less noisy than
frequencies of visits. If they do not (a flat posterior over more trees than can be seen), frequencies are used.

If chains sit in different modes (frequencies, and split R-hat of 1.2 or more), the chains of a half (the even, the
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
from phylometa.clone_trees.local_trees import SCORE_RANGE, gaussian_prevalence, local_search
from phylometa.clone_trees.tree_draws import distinct_trees, posterior_of_trees, relation_diagnostics, thinned
from phylometa.config import TreeSettings
from phylometa.model.arrays import FloatArray, IntArray

__all__ = ["search_trees"]

# Share of a chain's draws that the other chains must have seen before scores replace frequencies.
_COVERAGE = 0.9
_START_SWEEPS = 50  # of the short search that each chain starts from
_EXCHANGES = 16  # per chain and round, if chains exchange trees
_HALVES_DIFFER = 0.1  # most that a relation may differ by between halves of the chains, frequencies as weights


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
    """Sample the posterior over trees by Markov chains (prune-regraft, swap and single-clone moves).

    Parameters
    ----------
    model : ReadModel
    settings : TreeSettings
    rng : numpy Generator
    unrelated : bool
        True: two or more founders.
    rounds : int, optional
        Rounds at most, ``settings.rounds`` by default; fewer if the chains agree to ``settings.agreement``.
    start : int64 array (K,), optional
        Tree of the first chain.

    Returns
    -------
    TreePosterior, dict
        The posterior, and the diagnostics of the chains (JSON-ready).
    """
    n = model.n_clusters
    sampler = _Sampler(model, settings.sweeps * n, unrelated)
    chains = []
    for i in range(settings.chains):
        tree = start if i == 0 and start is not None else _dispersed_start(model, settings, rng, unrelated)
        chains.append(_Chain(np.append(np.where(tree < 0, n, tree), -1), [], [], {}))
    best = -np.inf
    posterior, agreement, coverage = None, 1.0, 0.0
    done, exchanging, exchanged = 0, False, False
    for _ in range(settings.rounds if rounds is None else rounds):
        lists = [_ScoredTrees(half) for half in (chains[::2], chains[1::2])] if exchanging else []
        for i, chain in enumerate(chains):
            best = sampler.prolong(chain, lists[i % 2] if exchanging else None, best, rng)
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
        "moves": done * sampler.moves * len(chains),
        "coverage": coverage,
        "weights": "scores" if coverage >= _COVERAGE else "visits",
        "disagreement": agreement,
        **mixing,
    }
    return posterior, diagnostics


class _Sampler:
    """The compiled chain on one model, with prevalences as normal ones to propose by; `moves` of a chain per round."""

    def __init__(self, model: ReadModel, moves: int, unrelated: bool) -> None:
        self.model, self.moves, self.unrelated = model, moves, unrelated
        self.prevalence, self.variance = gaussian_prevalence(model)
        self.density = model.slab / float(model.prevalence[1])

    def prolong(self, chain: _Chain, exchanged: _ScoredTrees | None, best: float, rng: np.random.Generator) -> float:
        """Prolong a chain by one round, in place; return the score of the best tree so far.

        A chain without draws is heated first. One that has some exchanges its tree with those of `exchanged`.
        """
        moves, warm = self.moves, max(self.moves // 3, 1)
        heat = np.ones(moves) if chain.draws else np.concatenate([np.linspace(0.2, 1.0, warm), np.ones(moves)])
        uniforms = rng.random((len(heat), 5 + self.model.n_clusters))
        n_legs = _EXCHANGES if exchanged is not None and chain.draws else 1
        legs = []
        for part, heat_part in zip(np.array_split(uniforms, n_legs), np.array_split(heat, n_legs)):
            if exchanged is not None and n_legs > 1:
                chain.tree = exchanged.exchange(chain.tree, float(rng.random()))
            leg = self._run(chain.tree, part, heat_part)
            chain.tree = np.append(leg[0][-1].astype(np.int64), -1)
            legs.append(leg)
        trees, values, proposed, proposed_values = (np.concatenate(arrays) for arrays in zip(*legs))
        chain.draws.append(trees[-moves:])
        chain.draw_values.append(values[-moves:])
        best = max(best, float(values.max()), float(proposed_values.max()))
        for scored, value in ((proposed, proposed_values), (trees, values)):
            for row in np.flatnonzero(value > best - SCORE_RANGE):
                chain.seen[scored[row].tobytes()] = float(value[row])
        return best

    def _run(self, tree: IntArray, uniforms: FloatArray, heat: FloatArray) -> tuple[NDArray[Any], ...]:
        """Run the compiled chain: trees and their scores after every move, proposed trees and theirs."""
        from phylometa.clone_trees._kernels import run_chain

        model = self.model
        made = (self.prevalence, self.variance, self.density, self.unrelated)
        return tuple(run_chain(tree, model.likelihood, model.slab, model.founder, *made, uniforms, heat)[:4])


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
    drawn = [[thinned(np.concatenate(chain.draws)) for chain in group] for group in groups]
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
        near = [values.max() > best - SCORE_RANGE for values in chain.draw_values]
        chain.draws = [draws for draws, is_near in zip(chain.draws, near) if is_near]
        chain.draw_values = [values for values, is_near in zip(chain.draw_values, near) if is_near]
        if not chain.draws and chain is not leader:
            chain.tree = leader.tree.copy()


def _combine(
    halves: list[list[_Chain]], n: int, best: float, max_trees: int, *, exchanged: bool
) -> tuple[TreePosterior, float, float]:
    """Posterior of all chains, greatest difference of a relation between the two halves of them, and coverage.

    Coverage is the mean share of a chain's draws that the other chains have seen; those of the other half alone once
    the chains of a half have `exchanged` trees.
    """
    chains = [chain for half in halves for chain in half]
    for chain in chains:
        chain.seen = {key: value for key, value in chain.seen.items() if value > best - SCORE_RANGE}
    covered = []
    for half in halves:
        for chain in half:
            others = [other for other in chains if other is not chain and not (exchanged and other in half)]
            trees_of_others: set[bytes] = set().union(*(other.seen for other in others))
            draws = thinned(np.concatenate(chain.draws))
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
            trees, index, counts = distinct_trees(flat)
            score, weights = values[index], counts.astype(float)
        results.append(posterior_of_trees(np.where(trees == n, -1, trees).astype(np.int64), score, weights, max_trees))
    if len(results) == 1:
        return results[0], 1.0, coverage
    first, second = results[1].ancestor_probability, results[2].ancestor_probability
    branched = np.abs((first + first.T) - (second + second.T))
    difference = 0.5 * (np.abs(first - second) + np.abs(first - second).T + branched)
    return results[0], float(difference.max()), coverage
