"""Labels computed for many histories at once: equal to their definitions, indifferent to names and order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seeding_oracle import labels_by_definition

from phylometa.comparison.clonality import cluster_states
from phylometa.migration import migration_pattern
from phylometa.model.clone_tree import CloneTree
from phylometa.model.comparison import ABSENT, CLONAL, SUBCLONAL
from phylometa.model.history import MigrationHistory
from phylometa.model.label_specs import EXTRA_LABELS, PATIENT_LABELS, SITE_LABELS
from phylometa.model.patient import Site
from phylometa.seeding import label_history
from phylometa.seeding.batch import batch_histories, distinct_rows
from phylometa.seeding.labels import count_labels, label_batch, most_probable

CLASSES = ("primary", "lymph_node", "distant", "bed", "distant")
SITES = tuple(Site(f"{c[0].upper()}{i}", c) for i, c in enumerate(CLASSES))
N_SITES = len(SITES)


def random_tree(rng, n_clones):
    parents = [-1] + [int(rng.integers(0, v)) for v in range(1, n_clones)]
    return CloneTree(tuple(f"c{v}" for v in range(n_clones)), parents, rng.integers(0, 3, n_clones))


def random_history(tree, rng, *, n_sites=N_SITES, spread=0.35):
    """A history grown at random: every clone enters where its parent lies or next to it, and may move on."""
    placed, edges = {}, []
    for v in tree.preorder:
        if v == tree.root:
            here = [0]
        else:
            u = int(tree.parents[v])
            s = int(rng.choice(placed[u]))
            t = int(rng.integers(n_sites)) if rng.random() < spread else s
            edges.append((u, s, v, t))
            here = [t]
        for t in range(n_sites):
            if t not in here and rng.random() < spread / 2:
                edges.append((v, int(rng.choice(here)), v, t))
                here.append(t)
        placed[v] = here
    return MigrationHistory((tree.root, 0), np.array(edges).reshape(-1, 4), float(rng.random()))


def random_presence(tree, history, rng, n_sites=N_SITES):
    presence = np.zeros((tree.n_clones, n_sites), dtype=bool)
    for v, t in history.nodes:
        presence[v, t] = rng.random() < 0.7
    return presence


@given(seed=st.integers(0, 2**32 - 1), n_clones=st.integers(1, 7))
@settings(max_examples=60, deadline=None)
def test_labels_equal_their_definitions(seed, n_clones):
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, n_clones)
    history = random_history(tree, rng)
    presence = random_presence(tree, history, rng)
    got = label_history(tree, history, SITES, primary=0, presence=presence)
    assert got == labels_by_definition(tree, history, SITES, 0, presence)
    assert got["pattern"] == migration_pattern(history.migration_counts)


def test_a_batch_gives_each_history_its_own_labels():
    rng = np.random.default_rng(5)
    tree = random_tree(rng, 6)
    histories = [random_history(tree, rng) for _ in range(80)]
    presence = rng.random((6, len(SITES))) < 0.5
    names = (*PATIENT_LABELS, *SITE_LABELS, *EXTRA_LABELS)
    batches = batch_histories(tree, histories, SITES, presence, primary=0)
    assert sum(batch.n_histories for batch in batches) == 80
    got = count_labels([(batch.weights, label_batch(batch)) for batch in batches], names)
    expected = {name: {} for name in names}
    for history in histories:
        labels = labels_by_definition(tree, history, SITES, 0, presence)
        for name in names:
            of_site = labels[name] if isinstance(labels[name], dict) else {None: labels[name]}
            for site, value in of_site.items():
                part = expected[name] if site is None else expected[name].setdefault(site, {})
                part[value] = part.get(value, 0.0) + history.weight
    for name in names:
        for site, part in got[name].items():
            if isinstance(part, dict):
                assert part == pytest.approx(expected[name][site])
            else:
                assert part == pytest.approx(expected[name][site])
        assert set(got[name]) == set(expected[name])


def test_labels_do_not_depend_on_the_order_of_clones():
    rng = np.random.default_rng(11)
    for _ in range(10):
        tree = random_tree(rng, 6)
        history = random_history(tree, rng)
        order = rng.permutation(6)  # new index of each clone
        names, parents, counts = [""] * 6, np.full(6, -1), np.zeros(6)
        for v in range(6):
            names[order[v]] = tree.names[v]
            counts[order[v]] = tree.n_mutations[v]
            parents[order[v]] = -1 if tree.parents[v] < 0 else order[tree.parents[v]]
        edges = history.edges.copy()
        edges[:, [0, 2]] = order[edges[:, [0, 2]]]
        renamed = MigrationHistory((int(order[tree.root]), 0), edges)
        again = label_history(CloneTree(tuple(names), parents, counts), renamed, SITES, primary=0)
        assert again == label_history(tree, history, SITES, primary=0)


def test_probabilities_of_a_patient_label_add_up_to_the_weights():
    rng = np.random.default_rng(2)
    tree = random_tree(rng, 5)
    histories = [random_history(tree, rng) for _ in range(30)]
    tables = [
        (batch.weights, label_batch(batch))
        for batch in batch_histories(tree, histories, SITES, np.ones((5, len(SITES))), primary=0)
    ]
    for values in count_labels(tables, PATIENT_LABELS).values():
        assert sum(values.values()) == pytest.approx(sum(history.weight for history in histories))
    entered = count_labels(tables, ("site_seeding", "site_sources"))
    for site, values in entered["site_seeding"].items():
        assert sum(values.values()) == pytest.approx(sum(entered["site_sources"][site].values()))


def test_ties_of_the_most_probable_value():
    assert most_probable({"a": 0.4, "b": 0.4 + 1e-12, "c": 0.2}) == {"a", "b"}
    assert most_probable({}) == frozenset()


def test_distinct_rows_reproduce_the_matrix():
    rows = np.random.default_rng(0).random((50, 11)) < 0.3
    distinct, inverse = distinct_rows(rows)
    assert (distinct[inverse] == rows).all()
    assert len(distinct) == len({row.tobytes() for row in rows})
    assert distinct_rows(np.zeros((3, 0), dtype=bool))[1].tolist() == [0, 0, 0]


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_cluster_states_follow_from_the_clones_present(seed):
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, 6)
    presence = rng.random((6, 4)) < 0.4
    states = cluster_states(tree, presence)
    for v in range(6):
        for s in range(4):
            here = np.flatnonzero(presence[:, s])
            inside = [c for c in here if v in tree.path_from_root(c)]
            expected = ABSENT if not inside else (CLONAL if len(inside) == len(here) else SUBCLONAL)
            assert states[v, s] == expected
