"""Ends of a clone tree: leaves that may be no single lineage, deadlines, clones still to come."""

from __future__ import annotations

import math

import numpy as np

from phylometa.model.clone_tree import ancestor_matrix
from phylometa.timing.molecular import HistoryNodes
from phylometa.timing.tips import clone_deadlines, clone_heights, last_ages, tail_like_clones


def nodes(parents, presence):
    return HistoryNodes(0, 1.0, ancestor_matrix(parents).astype(float), parents, presence, ())


def test_tail_like_clones_are_rare_leaves_of_one_sample():
    parents = np.array([-1, 0, 1, 1, 0])
    proportions = np.array([[0.3, 0.0], [0.5, 0.5], [0.1, 0.0], [0.1, 0.1], [0.0, 0.4]])
    tree = nodes(parents, np.ones((5, 2), dtype=bool))
    assert tail_like_clones(tree, proportions, 0.2).tolist() == [False, False, True, False, False]
    assert not tail_like_clones(tree, proportions, 0.0).any()
    # A second clone of .1 has room in the .3 of clone 0, or in clone 1 or 2; what two samples share is one clone.
    sibling = np.array([[0.3, 0.1], [0.3, 0.3], [0.2, 0.2], [0.1, 0.0], [0.1, 0.4]])
    tree = nodes(np.array([-1, 0, 0, 0, 0]), np.ones((5, 2), dtype=bool))
    assert tail_like_clones(tree, sibling, 0.0, 0.5).tolist() == [False, False, False, True, False]
    assert not tail_like_clones(tree, sibling, 0.0, 0.24).any()
    # Its parent, clone 1, is full: the second would be a child of clone 2, where that has as many cells.
    tree = nodes(np.array([-1, 0, 0, 1]), np.ones((4, 2), dtype=bool))
    second = [0.1, 0.5, 0.4, 0.0]
    assert tail_like_clones(tree, np.array([[0.1, 0.0, 0.6, 0.3], second]).T, 0.0, 0.5).tolist() == [False] * 3 + [True]
    assert not tail_like_clones(tree, np.array([[0.25, 0.2, 0.25, 0.3], second]).T, 0.0, 0.5).any()
    only = nodes(np.array([-1, 0]), np.ones((2, 1), dtype=bool))
    assert not tail_like_clones(only, np.array([[0.9], [0.1]]), 0.2).any()  # nothing else could date the branch


def test_deadlines_are_those_of_the_clone_and_its_descendants():
    parents = np.array([-1, 0, 1, 0])
    presence = np.array([[True, False], [False, False], [False, True], [False, False]])
    last = last_ages(presence, np.array([60.0, 55.0]))
    assert last[0] == 60.0 and last[2] == 55.0 and math.isnan(last[1])
    deadline = clone_deadlines(parents, last)
    assert deadline[:3].tolist() == [55.0, 55.0, 55.0] and math.isnan(deadline[3])
    assert clone_heights(parents).tolist() == [2, 1, 0, 0]
