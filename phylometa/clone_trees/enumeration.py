"""The exact posterior over all clone trees on K clusters, by matrix products.

Every rooted tree on K labelled vertices has one centroid: the last vertex v from the root whose subtree holds more
than half of the vertices. The tree is then a pair: the forest below v (all its trees at most half), and the context of
v (the other vertices as a tree in which v is a leaf). A sample's likelihood is the inner product of the forest's
message and the context's functional over the prevalence grid, so all trees that share the split of the vertices are
scored by one matrix product; forests on many vertices are themselves split in two. Nine clusters have 43 million
trees. Row and column sums of the weights give every marginal exactly, without listing the trees.

Forests and contexts are left out only if a bound shows that every tree with them has less than 1e-12 of the weight
of the best: with all other vertices integrated over their own proportions one by one, each factor is at most
U_k = max_x [L_k(x) + slab * sum_{y > x} L_k(y)].
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from phylometa.clone_trees.likelihood import ReadModel
from phylometa.clone_trees.partial_trees import ABSENT, OPEN, PartialTrees, join, pairwise, scaled
from phylometa.model.arrays import FloatArray, IntArray

__all__ = ["TreePosterior", "enumerate_trees"]

# Trees below this share of the best tree's weight are not counted (docs/methods/trees.md).
WEIGHT_BOUND = 1e-12
_NEGLIGIBLE = np.log(1e-20)  # relative weight of trees that are left out of the sums one by one
_CHUNK = 1_000_000  # numbers of a matrix product
_BINS = 64  # of the histogram of scores, a natural-log unit


@dataclass(frozen=True, eq=False)
class TreePosterior:
    """Posterior over trees: the best trees one by one, and the marginals over all.

    Parameters
    ----------
    parents : int64 array (T, K)
        Listed trees by falling weight; -1 at founders.
    log_score : float64 array (T,)
        Marginal log-likelihood plus log prior (natural log).
    weights : float64 array (T,)
        Posterior probabilities; they sum to less than 1 if not every tree is listed.
    n_trees : int
        Trees with at least 1e-12 of the best tree's weight.
    edge_support : float64 array (K, K)
        ``[u, v]`` P(u is the parent of v).
    ancestor_probability : float64 array (K, K)
        ``[u, v]`` P(u is a proper ancestor of v).
    log_evidence : float
        Natural log of the summed weights of all trees.
    """

    parents: IntArray
    log_score: FloatArray
    weights: FloatArray
    n_trees: int
    edge_support: FloatArray
    ancestor_probability: FloatArray
    log_evidence: float

    def shifted(self, constant: float) -> TreePosterior:
        """Return the same posterior with `constant` added to its log scores."""
        return replace(self, log_score=self.log_score + constant, log_evidence=self.log_evidence + constant)


def _subsets(items: tuple[int, ...], sizes: range) -> Iterator[tuple[int, ...]]:
    for size in sizes:
        yield from combinations(items, size)


class _Enumerator:
    """Tables of partial trees, memoised by vertex set, and the sums over complete trees."""

    def __init__(
        self, model: ReadModel, *, unrelated: bool, best: float, max_trees: int, deadline: float, memory: float
    ) -> None:
        self.model = model
        self.n = model.n_clusters + int(unrelated)
        self.root = self.n - 1 if unrelated else None
        self.half = self.n // 2
        self.max_trees = max_trees
        self.deadline = deadline
        self.memory = self.room = memory
        likelihood = model.likelihood
        below = np.cumsum(likelihood[:, :, ::-1], axis=2)[:, :, ::-1] - likelihood
        self.bound = np.log((likelihood + model.slab * below).max(axis=2)).sum(axis=1)
        if unrelated:
            self.bound = np.append(self.bound, 0.0)
        self.bound_all = float(self.bound.sum())
        self.cut = best + np.log(WEIGHT_BOUND)
        self.forests: dict[tuple[int, ...], PartialTrees] = {}
        self.contexts: dict[tuple[tuple[int, ...], int], PartialTrees] = {}
        self.reference = -np.inf  # the best score so far; all sums are relative to it
        self.total = 0.0
        self.edges = np.zeros((self.n, self.n))
        self.ancestors = np.zeros((self.n, self.n))
        self.kept_scores = np.zeros(0)
        self.kept_parents = np.zeros((0, self.n), dtype=np.int64)
        self.kept_cut = -np.inf
        self.histogram: dict[int, int] = {}

    # Partial trees -------------------------------------------------------------------------------------------------

    def _prune(self, table: PartialTrees, vertices: tuple[int, ...], *, is_forest: bool) -> PartialTrees:
        rest = self.bound_all - self.bound[list(vertices)].sum()
        size = np.log(table.vector.sum(axis=2) if is_forest else table.vector.max(axis=2)).sum(axis=0)
        keep = table.log_scale + size + rest >= self.cut
        if time.process_time() > self.deadline:
            raise TimeoutError
        return table if keep.all() else table.take(keep)

    def _stored(self, table: PartialTrees) -> PartialTrees:
        self.room -= table.vector.nbytes
        if self.room < 0:
            raise TimeoutError
        return table

    def _joined(self, parts: list[PartialTrees]) -> PartialTrees:
        parts = [part for part in parts if len(part)]
        return join(parts) if parts else self._empty().take(np.zeros(0, dtype=np.int64))

    def _empty(self) -> PartialTrees:
        vector = np.zeros((self.model.n_samples, 1, self.model.n_grid))
        vector[:, :, 0] = 1.0
        none = np.full(1, -1)
        return PartialTrees(vector, np.zeros(1), np.full((1, self.n), ABSENT), none, none)

    def trees(self, vertices: tuple[int, ...]) -> PartialTrees:
        """All rooted trees on `vertices` as messages of their roots."""
        parts = []
        for v in vertices:
            below = self.forest(tuple(u for u in vertices if u != v))
            if not len(below):
                continue
            forest = below.vector
            message = self.model.likelihood[v][:, None, :] * (
                forest + self.model.slab * (np.cumsum(forest, axis=2) - forest)
            )
            parents = np.where(below.parents == OPEN, v, below.parents)
            parents[:, v] = OPEN
            parts.append(PartialTrees(*scaled(message, below.log_scale), parents))
        table = self._joined(parts)
        key = np.full(len(table), (self.n - len(vertices)) * self.n + vertices[0])
        return PartialTrees(table.vector, table.log_scale, table.parents, key, key)

    def forest(self, vertices: tuple[int, ...]) -> PartialTrees:
        """All forests on `vertices`; the trees of a forest are ordered by falling size, then least vertex."""
        if not vertices:
            return self._empty()
        if vertices in self.forests:
            return self.forests[vertices]
        outside = self.bound_all - self.bound[list(vertices)].sum()
        parts = [self.trees(vertices)] if len(vertices) <= self.half else []
        for rest_size in range(1, len(vertices)):
            for rest_set in combinations(vertices, rest_size):
                block = tuple(v for v in vertices if v not in rest_set)
                if len(block) > self.half:
                    continue
                key = (self.n - len(block)) * self.n + block[0]
                rest = self.forest(rest_set)
                rest = rest.take(rest.first > key)
                trees = self.trees_of(block)
                if len(rest) and len(trees) and trees.mass.max() + rest.mass.max() + outside >= self.cut:
                    parts.append(self._product(trees, rest))
        table = self._prune(self._joined(parts), vertices, is_forest=True)
        if len(vertices) <= self.half or (len(vertices) == self.half + 1 and self.room > 2 * self.memory / 3):
            self.forests[vertices] = self._stored(table)
        return table

    def trees_of(self, vertices: tuple[int, ...]) -> PartialTrees:
        """Trees among the memoised forests of the same set."""
        table = self.forest(vertices)
        return table.take(table.first == (self.n - len(vertices)) * self.n + vertices[0])

    def _product(self, left: PartialTrees, right: PartialTrees) -> PartialTrees:
        """Forests that join each of `left` with each of `right`."""
        vector = pairwise(left.vector, right.vector)
        n_left, n_right = len(left), len(right)
        log_scale = np.repeat(left.log_scale, n_right) + np.tile(right.log_scale, n_left)
        parents = np.maximum(np.repeat(left.parents, n_right, axis=0), np.tile(right.parents, (n_left, 1)))
        return PartialTrees(
            *scaled(vector, log_scale), parents, np.repeat(left.first, n_right), np.tile(right.last, n_left)
        )

    def context(self, vertices: tuple[int, ...], leaf: int) -> PartialTrees:
        """All trees on `vertices` in which `leaf` has no child, as functionals of the forest to be put below it."""
        key = (vertices, leaf)
        if key in self.contexts:
            return self.contexts[key]
        if len(vertices) == 1:
            above = self.model.founder[:, None, :].copy()
            parents = np.full((1, self.n), ABSENT)
            parents[0, leaf] = -1
            parts = [PartialTrees(above, np.zeros(1), parents)] if self.root in (None, leaf) else []
        else:
            others = tuple(v for v in vertices if v != leaf)
            parts = [] if leaf == self.root else [self._attached(others, u, leaf) for u in others]
        table = self._joined(parts)
        if len(table):
            if leaf != self.root:
                outside = table.vector * self.model.likelihood[leaf][:, None, :]
                beyond = np.cumsum(outside[:, :, ::-1], axis=2)[:, :, ::-1] - outside
                table = PartialTrees(*scaled(outside + self.model.slab * beyond, table.log_scale), table.parents)
            table = self._prune(table, vertices, is_forest=False)
        table.leaf = np.full(len(table), leaf)
        if len(vertices) < self.n - self.half:
            self.contexts[key] = self._stored(table)
        return table

    def _attached(self, vertices: tuple[int, ...], at: int, leaf: int) -> PartialTrees:
        """Trees on `vertices` with any children of `at`, as functionals of the message of a further child, `leaf`."""
        others = tuple(v for v in vertices if v != at)
        parts = []
        for siblings in _subsets(others, range(len(others) + 1)):
            context = self.context(tuple(v for v in vertices if v not in siblings), at)
            if not len(context):
                continue
            if siblings:
                forest = self.forest(siblings)
                if not len(forest):
                    continue
                vector = pairwise(context.vector, forest.vector, correlate=True)
                log_scale = np.repeat(context.log_scale, len(forest)) + np.tile(forest.log_scale, len(context))
                below = np.where(forest.parents == OPEN, at, forest.parents)
                parents = np.maximum(np.repeat(context.parents, len(forest), 0), np.tile(below, (len(context), 1)))
                table = PartialTrees(*scaled(vector, log_scale), parents)
            else:
                table = PartialTrees(context.vector, context.log_scale, context.parents.copy())
            table.parents[:, leaf] = at
            parts.append(table)
        return self._joined(parts)

    # Complete trees ------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Score every tree, one split of the vertices after the other."""
        vertices = tuple(range(self.n))
        for below in _subsets(vertices, range(self.half, self.n)):
            if self.root in below:
                continue
            above = tuple(v for v in vertices if v not in below)
            context = self._joined([self.context(above, leaf) for leaf in above])
            if self.root is not None and len(above) > 1:  # one child of the germline only: a single founder
                context = context.take((context.parents == self.root).sum(axis=1) > 1)
            if not len(context):
                continue
            if len(below) <= self.half:
                self._score(self.forest(below), context, self._empty())
                continue
            # the next tree is no larger than the first part and would not fit into half
            for size in range(self.half // 2 + 1, self.half + 1):
                for first_set in combinations(below, size):
                    second = self.forest(tuple(v for v in below if v not in first_set))
                    second = second.take(self.n - second.first // self.n + size > self.half)
                    if len(second):
                        first = self.forest(first_set)
                        self._score(first.take(first.last < second.first.max()), context, second)

    def _score(self, first: PartialTrees, context: PartialTrees, second: PartialTrees) -> None:
        """Score all trees of a context with the trees of `first` and, if any, of `second` below its leaf."""
        if not (len(first) and len(second)):
            return
        masses = [first.mass, context.log_scale, second.mass]
        tops = [mass.max() for mass in masses]
        keep = [mass + sum(tops) - top >= self.cut for mass, top in zip(masses, tops)]
        if not all(rows.any() for rows in keep):
            return
        first, context, second = (
            table if rows.all() else table.take(rows) for table, rows in zip((first, context, second), keep)
        )
        split = second.parents.max() > ABSENT
        right = pairwise(context.vector, second.vector, correlate=True) if split else context.vector
        right_log = np.repeat(context.log_scale, len(second)) + np.tile(second.log_scale, len(context))
        rows = max(1, _CHUNK // len(right_log))
        for start in range(0, len(first), rows):
            if time.process_time() > self.deadline:
                raise TimeoutError
            part = first.take(np.arange(start, min(start + rows, len(first)))) if rows < len(first) else first
            inner = np.matmul(part.vector, right.transpose(0, 2, 1))
            score = np.log(np.maximum(inner, 1e-300)).sum(axis=0)
            score += part.log_scale[:, None] + right_log
            if split:
                valid = part.last[:, None] < second.first
                score = np.where(valid[:, None, :], score.reshape(len(part), len(context), -1), -np.inf)
            else:
                score = score[:, :, None]
            self._add(score, part, context, second)

    def _add(self, score: FloatArray, first: PartialTrees, context: PartialTrees, second: PartialTrees) -> None:
        """Add the weights of trees (first, context, second) to every sum."""
        top = score.max()
        if top == -np.inf:
            return
        if top > self.reference:
            shrink = np.exp(self.reference - top)
            self.total *= shrink
            self.edges *= shrink
            self.ancestors *= shrink
            self.reference = top
        relevant = score > self.reference + _NEGLIGIBLE
        if not relevant.all():  # rows and columns without any tree that matters need no sums
            rows, columns = relevant.any(axis=(1, 2)), relevant.any(axis=(0, 2))
            if not rows.any():
                return
            score = score[rows][:, columns]
            first, context = first.take(rows), context.take(columns)
        weight = np.exp(score - self.reference)
        by_first, by_second = weight.sum(axis=2), weight.sum(axis=0)
        by_context = by_first.sum(axis=0)
        self.total += by_context.sum()
        n = self.n
        leaf = context.leaf
        at_leaf = np.eye(n)[leaf]
        for table, weights, with_context in (
            (first, by_first.sum(axis=1), by_first),
            (second, by_second.sum(axis=0), by_second.T),
        ):
            self.ancestors += (weights @ table.ancestors).reshape(n, n)
            self._add_edges(table.parents, weights)
            roots = (table.parents == OPEN).T.astype(float) @ with_context
            self.edges += at_leaf.T @ roots.T
        self.ancestors += (by_context @ context.ancestors).reshape(n, n)
        self._add_edges(context.parents, by_context)
        path = context.ancestors.reshape(-1, n, n)[np.arange(len(context)), :, leaf]
        path[np.arange(len(context)), leaf] = 1.0
        below = (first.parents[0] != ABSENT) | (second.parents[0] != ABSENT)
        self.ancestors += np.outer(by_context @ path, below)
        self._keep(score, first, context, second)

    def _add_edges(self, parents: IntArray, weights: FloatArray) -> None:
        for v in range(self.n):
            self.edges[:, v] += np.bincount(np.maximum(parents[:, v], -1) + 1, weights, self.n + 1)[1:]

    def _keep(self, score: FloatArray, first: PartialTrees, context: PartialTrees, second: PartialTrees) -> None:
        """Keep what may be among the best trees; count trees by score."""
        counted = score[score > self.reference + np.log(WEIGHT_BOUND) - 1.0]
        bins, counts = np.unique(np.floor(counted * _BINS).astype(np.int64), return_counts=True)
        for value, count in zip(bins.tolist(), counts.tolist()):
            self.histogram[value] = self.histogram.get(value, 0) + count
        flat = score.ravel()
        index = np.flatnonzero(flat > max(self.kept_cut, self.reference + np.log(WEIGHT_BOUND)))
        if not len(index):
            return
        if len(index) > self.max_trees:
            index = index[np.argpartition(-flat[index], self.max_trees - 1)[: self.max_trees]]
        i, j, k = np.unravel_index(index, score.shape)
        below = np.maximum(first.parents[i], second.parents[k])
        below = np.where(below == OPEN, context.leaf[j][:, None], below)
        self.kept_parents = np.concatenate([self.kept_parents, np.maximum(below, context.parents[j])])
        self.kept_scores = np.concatenate([self.kept_scores, flat[index]])
        if len(self.kept_scores) > self.max_trees:
            best = np.argpartition(-self.kept_scores, self.max_trees - 1)[: self.max_trees]
            self.kept_scores, self.kept_parents = self.kept_scores[best], self.kept_parents[best]
            self.kept_cut = float(self.kept_scores.min())


def enumerate_trees(
    model: ReadModel,
    *,
    unrelated: bool = False,
    best: float = -np.inf,
    max_trees: int = 1000,
    seconds: float = np.inf,
    memory: float = 2.5e9,
) -> TreePosterior | None:
    """Compute the exact posterior over all rooted trees on the clusters (uniform prior over trees).

    Parameters
    ----------
    model : ReadModel
    unrelated : bool
        False: trees with a single founding clone. True: forests of two or more (clonally unrelated tumours).
    best : float
        Log-likelihood of any tree: what is bounded below 1e-12 of its weight is left out early.
    max_trees : int
        Trees listed one by one.
    seconds : float
        Limit of CPU time (s).
    memory : float
        Limit of the tables (bytes).

    Returns
    -------
    TreePosterior or None
        None if a limit was reached.
    """
    n_clusters = model.n_clusters
    work = _Enumerator(
        model,
        unrelated=unrelated,
        best=best - float(model.log_scale.sum()),
        max_trees=max_trees,
        deadline=time.process_time() + seconds,
        memory=memory,
    )
    try:
        work.run()
    except TimeoutError:
        return None
    constant = float(model.log_scale.sum())
    parents = work.kept_parents[:, :n_clusters]
    if unrelated:
        parents = np.where(parents == n_clusters, -1, parents)
    log_evidence = work.reference + np.log(work.total)
    order = np.lexsort((*parents.T[::-1], -np.round(work.kept_scores, 9)))
    scores = work.kept_scores[order]
    bound = (scores[0] + np.log(WEIGHT_BOUND)) * _BINS
    return TreePosterior(
        parents=parents[order],
        log_score=scores + constant,
        weights=np.exp(scores - log_evidence),
        n_trees=sum(count for value, count in work.histogram.items() if value >= bound),
        edge_support=work.edges[:n_clusters, :n_clusters] / work.total,
        ancestor_probability=work.ancestors[:n_clusters, :n_clusters] / work.total,
        log_evidence=float(log_evidence + constant),
    )
