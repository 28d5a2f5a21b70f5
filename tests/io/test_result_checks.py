"""Results on disk: what cannot be what it claims to be is refused."""

from dataclasses import replace

import numpy as np
import pytest

from phylometa.errors import InputError
from phylometa.io.documents import read_json
from phylometa.io.result_checks import check_clusters, check_histories, check_probabilities, check_trees
from phylometa.model.clusters import Clustering
from phylometa.model.history import HistoryEnsemble, MigrationHistory, TreeHistories
from phylometa.model.tree_ensemble import PresenceScenario, TreeEnsemble


def ensemble(**changes):
    values = {
        "names": ("1", "2", "3"),
        "n_mutations": np.ones(3),
        "parents": np.array([[-1, 0, 1], [-1, 0, 0]]),
        "weights": np.array([0.75, 0.25]),
        "log_likelihood": np.zeros(2),
        "proportions": np.full((2, 3, 1), 1 / 3),
        "presence": np.ones((2, 3, 2)),
        "site_names": ("a", "b"),
        "complete": True,
        "n_trees": 2,
        "scenarios": (PresenceScenario(0, 1.0, np.ones((3, 2), bool)),),
    }
    return TreeEnsemble(**{**values, **changes})


def test_what_was_inferred_passes():
    check_trees(ensemble())
    check_trees(ensemble(weights=np.array([1 / 3, 2 / 3]).round(8)))
    check_trees(ensemble(scenarios=()))


SCENARIO = np.ones((3, 2), bool)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parents": np.array([[-1, 2, 1], [-1, 0, 0]])}, "circle"),
        ({"parents": np.array([[1, 0, 0], [-1, 0, 0]])}, "no root"),
        ({"parents": np.array([[-1, 1, 0], [-1, 0, 0]])}, "circle"),
        ({"parents": np.array([[-1, -1, 0], [-1, 0, 0]])}, "more than one"),
        ({"parents": np.array([[-1, 0, 7], [-1, 0, 0]])}, "no root, or more"),
        ({"weights": np.array([np.nan, 1.0])}, "weight nan is outside 0 to 1"),
        ({"weights": np.array([-5.0, 6.0])}, "weight -5 is outside"),
        ({"weights": np.array([100.0, 0.0])}, "weight 100 is outside"),
        ({"weights": np.array([0.75, 0.15])}, "add up to 0.9"),
        ({"proportions": np.full((2, 3, 1), 1.5)}, "proportion 1.5"),
        ({"presence": np.full((2, 3, 2), -0.5)}, "presence -0.5"),
        ({"scenarios": (PresenceScenario(0, 7.0, SCENARIO),)}, "weight 7"),
        ({"scenarios": (PresenceScenario(9, 1.0, SCENARIO),)}, "not listed"),
    ],
)
def test_trees_that_are_none_and_weights_that_are_none(changes, message):
    with pytest.raises(ValueError, match=message):
        check_trees(ensemble(**changes))


def test_a_long_chain_and_a_long_circle_are_told_apart():
    n = 1500
    chain = np.arange(-1, n - 1)[None, :]
    values = {"names": tuple(map(str, range(n))), "n_mutations": np.ones(n), "weights": np.ones(1)}
    values |= {"log_likelihood": np.zeros(1), "proportions": np.zeros((1, n, 1)), "presence": np.ones((1, n, 2))}
    check_trees(ensemble(parents=chain, scenarios=(), **values))
    circle = chain.copy()
    circle[0, 1] = n - 1
    with pytest.raises(ValueError, match="circle"):
        check_trees(ensemble(parents=circle, scenarios=(), **values))


def history(**changes):
    values = {"root": (0, 0), "edges": np.array([[0, 0, 1, 1]]), "weight": 1.0, "pattern": "PS", "seeding_sites": 1}
    return MigrationHistory(**{**values, "comigrations": 1, **changes})


def histories(one):
    entry = TreeHistories(
        tree=0,
        weight=1.0,
        presence=np.ones((2, 2), bool),
        criteria={},
        n_histories=1,
        complete=True,
        histories=(one,),
    )
    return HistoryEnsemble(
        trees=(entry,), site_names=("a", "b"), criteria_order="UM", weighting="uniform", model="refined"
    )


def test_histories_of_a_known_pattern_and_weight():
    check_histories(histories(history()))
    for changes, message in (
        ({"pattern": None}, "pattern None is none of"),
        ({"pattern": "X"}, "pattern 'X'"),
        ({"weight": 7.0}, "weight 7"),
        ({"weight": float("nan")}, "weight nan"),
        ({"weight": 0.5}, "add up to 0.5"),
        ({"unobserved": -1}, "whole number"),
    ):
        with pytest.raises(ValueError, match=message):
            check_histories(histories(replace(history(), **changes)))


def test_clusters_below_zero_or_with_bounds_in_the_wrong_order():
    values = {"names": ("1",), "labels": np.zeros(1, int), "probability": np.ones(1)}
    values |= {name: np.full((1, 1), x) for name, x in (("ccf", 0.5), ("ccf_lo", 0.4), ("ccf_hi", 0.6))}
    values |= {"alt_reads": np.ones((1, 1)), "total_reads": np.ones((1, 1))}
    check_clusters(Clustering(**values))
    for name, wrong in (("ccf", -0.5), ("ccf_lo", 0.9), ("ccf_hi", -1.0)):
        with pytest.raises(ValueError, match="ccf"):
            check_clusters(Clustering(**{**values, name: np.full((1, 1), wrong)}))


@pytest.mark.parametrize("wrong", [7.0, -0.1, float("nan")])
def test_probabilities_wherever_they_stand(wrong):
    check_probabilities({"labels": {"pattern": {"PS": 1, "S": 0.0}}, "age": 70.0, "n": [3, 4]})
    for document in ({"labels": {"a": {"x": wrong}}}, {"sites": [{"probability": wrong}]}, {"probabilities": [wrong]}):
        with pytest.raises(ValueError, match="probability"):
            check_probabilities(document)


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"weight": -Infinity}'])
def test_what_json_does_not_know_is_no_json(text, tmp_path):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match="x.json: not valid JSON: .* is no JSON number"):
        read_json(tmp_path / "x.json")
