"""Statements without any one mutation."""

import numpy as np
import pytest

from phylometa.seeding.evidence_floor import DrawnState, contract_clone, find_evidence_floor


def was_seeded(parents, presence):
    """Whether the tree shows a clone of its own in site 1."""
    return float(any(presence[v, 1] and parents[v] >= 0 for v in range(len(parents))))


def state(weight, labels, parents, presence):
    return DrawnState(weight, np.array(labels), np.array(parents), np.array(presence, dtype=bool))


def test_contraction():
    parents, presence = np.array([-1, 0, 1, 1]), np.eye(4, dtype=bool)
    below, held = contract_clone(parents, presence, 1)
    assert below.tolist() == [-1, 0, 0] and held[0].tolist() == [True, True, False, False]
    below, held = contract_clone(parents, presence, 0)  # the founder with its only child
    assert below.tolist() == [-1, 0, 0] and held[0].tolist() == [True, True, False, False]
    assert contract_clone(np.array([-1, 0, 0]), np.eye(3, dtype=bool), 0) is None
    assert contract_clone(np.array([-1]), np.ones((1, 2), dtype=bool), 0) is None


def test_a_clone_of_one_mutation_carries_its_statement():
    found = find_evidence_floor([state(1.0, [0, 0, 0, 1], [-1, 0], [[1, 0], [0, 1]])], was_seeded)
    assert (found.probability, found.least, found.mutation, found.rests_on) == (1.0, 0.0, 3, (3,))


def test_a_clone_of_two_mutations_does_not_fall_with_one():
    found = find_evidence_floor([state(1.0, [0, 0, 1, 1], [-1, 0], [[1, 0], [0, 1]])], was_seeded)
    assert (found.least, found.mutation, found.rests_on) == (1.0, -1, ())


def test_the_only_mutation_carries_everything():
    found = find_evidence_floor([state(1.0, [0], [-1], [[1, 1]])], lambda parents, presence: 1.0)
    assert found.least == 0.0 and found.rests_on == (0,)


def test_draws_are_summed():
    together = state(0.7, [0, 1, 1], [-1, 0], [[1, 0], [0, 1]])
    apart = state(0.3, [0, 0, 1], [-1, 0], [[1, 0], [0, 1]])
    found = find_evidence_floor([together, apart], was_seeded)
    assert found.probability == pytest.approx(1.0)
    # Without mutation 0 the founder of the first draw is one with its child, whose clone is then the founder.
    assert found.least == pytest.approx(0.3) and found.mutation == 0
    assert found.rests_on == (0, 2)


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
    (sentence,) = pm.seeding.headline_sentences(labels)
    assert "one mutation" in sentence.sentence
