"""Clone trees, ensembles and histories: traversals against hand-worked trees and random ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phylometa.model.clone_tree import CloneTree, ancestor_matrix, preorder
from phylometa.model.history import HistoryEnsemble, MigrationHistory, TreeHistories
from phylometa.model.tree_ensemble import TreeEnsemble


@st.composite
def parent_vectors(draw):
    n = draw(st.integers(1, 9))
    parents = [-1] + [draw(st.integers(0, v - 1)) for v in range(1, n)]
    order = draw(st.permutations(range(n)))
    shuffled = np.empty(n, dtype=int)
    for v, parent in enumerate(parents):
        shuffled[order[v]] = -1 if parent < 0 else order[parent]
    return shuffled


@settings(max_examples=60)
@given(parent_vectors())
def test_preorder_and_ancestors_of_random_trees(parents):
    order = preorder(parents)
    position = {v: i for i, v in enumerate(order)}
    assert sorted(order) == list(range(len(parents)))
    assert all(position[p] < position[v] for v, p in enumerate(parents) if p >= 0)
    matrix = ancestor_matrix(parents)
    for v in range(len(parents)):
        walk, u = {v}, v
        while parents[u] >= 0:
            u = int(parents[u])
            walk.add(u)
        assert set(np.flatnonzero(matrix[:, v])) == walk


@pytest.mark.parametrize("parents", [[0], [-1, -1], [-1, 2, 1]])
def test_what_is_no_rooted_tree_is_refused(parents):
    with pytest.raises(ValueError, match="parents"):
        preorder(np.array(parents))


def balanced():
    edges = [("R", "A"), ("R", "B"), ("A", "C"), ("A", "D")]
    return CloneTree.from_edges(edges, n_mutations={"R": 100, "A": 10, "B": 5, "C": 2, "D": 3})


def test_clone_tree_by_hand():
    tree = balanced()
    assert tree.names == ("R", "A", "C", "D", "B")
    assert tree.depth_in_mutations.tolist() == [100, 110, 112, 113, 105]
    assert [tree.names[v] for v in tree.path_from_root(3)] == ["R", "A", "D"]
    assert tree.lowest_common_ancestor([2, 3]) == 1
    assert tree.lowest_common_ancestor([2, 4]) == 0
    assert tree.lowest_common_ancestor([1, 2]) == 1
    assert list(tree.edges()) == [(0, 1), (1, 2), (1, 3), (0, 4)]
    assert tree.root == 0


def test_a_tree_from_edges_refuses_two_parents_and_keeps_a_lone_root():
    with pytest.raises(ValueError, match="two parents"):
        CloneTree.from_edges([("A", "C"), ("B", "C")])
    assert CloneTree.from_edges([], root="R").n_clones == 1
    with pytest.raises(ValueError, match="not unique"):
        CloneTree(("A", "A"), [-1, 0])


def test_networkx_and_phylo():
    tree = balanced()
    graph = tree.to_networkx()
    assert set(graph.edges) == {("R", "A"), ("R", "B"), ("A", "C"), ("A", "D")}
    assert graph.nodes["R"]["n_mutations"] == 100
    phylo = tree.to_phylo({1: 0.75})
    assert {clade.name for clade in phylo.get_terminals()} == {"B", "C", "D"}
    assert next(phylo.find_clades("A")).confidence == 0.75
    assert phylo.distance("C") == 12


def ensemble(parents, weights):
    n_trees, n_clones = np.shape(parents)
    return TreeEnsemble(
        names=tuple("RABC"[:n_clones]),
        n_mutations=np.ones(n_clones),
        parents=parents,
        weights=weights,
        log_likelihood=np.zeros(n_trees),
        proportions=np.zeros((n_trees, n_clones, 2)),
        presence=np.zeros((n_trees, n_clones, 1)),
        site_names=("P",),
        complete=True,
        n_trees=n_trees,
    )


def test_support_is_the_weighted_share_of_trees():
    trees = ensemble([[-1, 0, 1], [-1, 0, 0]], [0.7, 0.3])
    assert trees.edge_support[1, 2] == 0.7
    assert trees.edge_support[0, 1] == 1.0
    assert trees.ancestor_probability[0, 2] == 1.0
    assert trees.ancestor_probability[1, 2] == 0.7
    assert trees.best.parents.tolist() == [-1, 0, 1]
    assert len(trees) == 2


def test_consensus_takes_the_best_supported_edges():
    trees = ensemble([[-1, 0, 1, 2], [-1, 0, 1, 1], [-1, 0, 0, 1]], [0.4, 0.3, 0.3])
    tree, support = trees.consensus()
    assert tree.parents.tolist() == [-1, 0, 1, 1]
    assert support == {1: 1.0, 2: pytest.approx(0.7), 3: pytest.approx(0.6)}


def test_history_counts():
    history = MigrationHistory(root=(0, 0), edges=[[0, 0, 1, 0], [1, 0, 1, 1], [0, 0, 2, 1], [2, 1, 2, 0]], weight=0.5)
    assert history.n_migrations == 3
    assert history.migration_counts == {(0, 1): 2, (1, 0): 1}
    assert history.nodes == ((0, 0), (1, 0), (1, 1), (2, 1), (2, 0))
    graph = history.migration_graph(["P", "M"])
    assert graph.number_of_edges("P", "M") == 2
    still = MigrationHistory(root=(0, 0), edges=[])
    assert still.n_migrations == 0
    assert still.migration_counts == {}


def test_migration_probability_sums_over_trees():
    def one(tree, weight, target):
        history = MigrationHistory(root=(0, 0), edges=[[0, 0, 0, target]], weight=weight)
        criteria = {"unobserved": 0, "migrations": 1, "comigrations": 1, "seeding_sites": 1}
        return TreeHistories(tree, weight, np.ones((1, 3), bool), criteria, 1, True, (history,))

    histories = HistoryEnsemble((one(0, 0.6, 1), one(1, 0.4, 2)), ("P", "L", "M"))
    assert histories.migration_probability[0].tolist() == [0, 0.6, 0.4]
    assert histories.best[0].tree == 0
    assert histories.complete
