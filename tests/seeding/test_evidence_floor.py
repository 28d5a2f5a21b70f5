"""Statements without the clones of one or two mutations, and without single mutations."""

from dataclasses import replace

import numpy as np
import pytest

from phylometa.config import MigrationSettings, SeedingSettings
from phylometa.model.joint_posterior import JointDraw, JointPosterior
from phylometa.model.patient import CopyNumberAtLoci, MutationTable, Patient, Sample, Site
from phylometa.seeding.evidence_floor import contract_clones, find_evidence, without_mutation, without_small_clones
from phylometa.seeding.sentences import evidence_in_words

SITES = (Site("P", "primary"), Site("M", "distant"))


def draw_of(sizes, parents, presence):
    """A draw whose clones have so many mutations; equal proportions."""
    k = len(sizes)
    labels = np.repeat(np.arange(k), sizes)
    return JointDraw(labels, np.array(parents), np.full((k, 2), 1 / k), np.array(presence, dtype=bool))


def joint_of(*draws):
    return JointPosterior(tuple(draws), np.full(len(draws), 1 / len(draws)))


def contracted(draw, *chosen):
    return contract_clones(draw, np.isin(np.arange(draw.n_clones), chosen))


def test_a_clone_becomes_one_with_its_parent():
    draw = draw_of([2, 1, 3, 1], [-1, 0, 1, 1], np.hstack([np.eye(4)[:, :1], np.eye(4)[:, 1:2]]))
    found = contracted(draw, 1)
    assert found.parents.tolist() == [-1, 0, 0] and found.labels.tolist() == [0, 0, 0, 1, 1, 1, 2]
    assert found.presence.tolist() == [[True, True], [False, False], [False, False]]
    assert found.proportions[:, 0] == pytest.approx([0.5, 0.25, 0.25])


def test_several_clones_at_once():
    draw = draw_of([1, 1, 3, 1], [-1, 0, 1, 1], np.eye(4)[:, :2])
    assert contracted(draw, 1, 3).parents.tolist() == [-1, 0]
    everything = contracted(draw, 0, 1, 2, 3)  # something has to be left
    assert everything.parents.tolist() == [-1] and set(everything.labels.tolist()) == {0}


def test_a_founder_becomes_one_with_its_only_child():
    chain = draw_of([1, 2, 2], [-1, 0, 1], np.eye(3)[:, :2])
    found = contracted(chain, 0)
    assert found.parents.tolist() == [-1, 0] and found.labels.tolist() == [0, 0, 0, 1, 1]
    fork = draw_of([1, 2, 2], [-1, 0, 0], np.eye(3)[:, :2])
    assert contracted(fork, 0) is fork  # two children: nothing joins what would be left


def test_mutations_of_no_clone_stay_apart():
    draw = replace(draw_of([2, 1], [-1, 0], np.eye(2)), labels=np.array([0, -1, 1]))
    assert contracted(draw, 1).labels.tolist() == [0, -1, 0]


def test_only_clones_of_the_mutation_alone_are_contracted():
    alone, together = draw_of([3, 1], [-1, 0], np.eye(2)), draw_of([2, 2], [-1, 0], np.eye(2))
    joint = joint_of(alone, together)
    found = without_mutation(joint, 3)
    assert found.draws[0].n_clones == 1 and found.draws[1] is together
    assert [draw.n_clones for draw in without_small_clones(joint, 1).draws] == [1, 2]
    assert [draw.n_clones for draw in without_small_clones(joint, 2).draws] == [1, 1]


def evidence_of(draws, stated):
    n = len(draws[0].labels)
    alt = np.tile([[14, 3]], (n, 1))
    alt[-1] = [0, 9]
    names = tuple(f"1:{i}:C:T" for i in range(n))
    table = MutationTable(names, ("P1", "M1"), alt, np.full((n, 2), 49), genes=tuple(f"GENE{i}" for i in range(n)))
    unknown = np.full((n, 2), np.nan)
    return find_evidence(
        joint_of(*draws),
        stated,
        Patient(
            "X",
            (Sample("P1", "P"), Sample("M1", "M")),
            SITES,
            table,
            CopyNumberAtLoci(unknown, unknown, np.full((n, 2), 2.0)),
        ),
        primary=0,
        migration=MigrationSettings(),
        settings=SeedingSettings(),
    )


POLYCLONAL = ("site_seeding", "M", "polyclonal")
ROUTE = ("route", "P", "M")


@pytest.mark.parametrize(("size", "number"), [(1, 1), (2, 2), (3, None)])
def test_what_a_second_founder_rests_on(size, number):
    """The trunk is in the primary; two clones found the metastasis, one of few mutations."""
    draw = draw_of([5, 5, size], [-1, 0, 0], [[1, 0], [0, 1], [0, 1]])
    found = evidence_of([draw] * 8, {POLYCLONAL: 0.99, ROUTE: 1.0, ("pattern", "", "PS"): 0.3})
    assert set(found) == {POLYCLONAL, ROUTE}  # what is open rests on nothing
    assert found[POLYCLONAL].rests_on(SeedingSettings()) == number
    assert found[ROUTE].rests_on(SeedingSettings()) is None and found[ROUTE].without_two == pytest.approx(1.0)
    if number == 1:
        (carrier,) = found[POLYCLONAL].carriers
        assert carrier.text == "GENE10, 9 of 49 reads in M1"
        words = evidence_in_words(found[POLYCLONAL], SeedingSettings())
        assert words == "Rests on one mutation: GENE10, 9 of 49 reads in M1."
    else:
        assert found[POLYCLONAL].carriers == ()


def test_draws_in_which_the_mutation_is_not_alone_keep_the_statement():
    alone = draw_of([5, 5, 1], [-1, 0, 0], [[1, 0], [0, 1], [0, 1]])
    among = replace(draw_of([5, 4, 2], [-1, 0, 0], [[1, 0], [0, 1], [0, 1]]))
    found = evidence_of([alone] + [among] * 9, {POLYCLONAL: 0.99})[POLYCLONAL]
    # A draw with fewer clones needs fewer migrations, and so weighs more: less than 9 in 10 is left.
    assert 0.8 < found.without_one < 0.9 and found.without_two < 0.3
    assert found.rests_on(SeedingSettings()) == 2


def test_one_mutation_in_two_samples_supports_nothing(tmp_path):
    import phylometa as pm

    (tmp_path / "counts.tsv").write_text(
        "mutation_id\tsample_id\tref_counts\talt_counts\tmajor_cn\tminor_cn\tnormal_cn\ttumour_content\n"
        "1:100:C:T\tP1\t80\t44\t1\t1\t2\t0.7\n1:100:C:T\tM1\t72\t51\t1\t1\t2\t0.7\n"
    )
    sheet = tmp_path / "samples.tsv"
    sheet.write_text(
        "patient\tsample\tsite\tsite_type\tcounts\nP\tP1\tcolon\tprimary\tcounts.tsv\nP\tM1\tliver\tmetastasis\tcounts.tsv\n"
    )
    labels = pm.analyse(pm.read_patient(sheet)).labels
    assert labels.n_mutations == 1
    words = [
        word for value in labels.status.values() for word in (value.values() if isinstance(value, dict) else [value])
    ]
    assert set(words) == {"not determined"}
    assert {route.level for route in labels.certainty.routes} <= {"not determined"}
    (sentence,) = pm.seeding.headline_sentences(labels)
    assert "one mutation" in sentence.sentence
