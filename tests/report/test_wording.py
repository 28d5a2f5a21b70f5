"""Faults of wording that reports once had, one test per kind (docs/style.md)."""

import re
from dataclasses import replace

import numpy as np
import plot_results
import pytest

from phylometa.report.findings import describe
from phylometa.report.overview import overview
from phylometa.report.table import number
from phylometa.seeding.sentences import headline_sentences
from phylometa.seeding.settle import _clone_list

CASES = ("one_clone", "one_metastasis", "eight_clones", "nothing", "malicious")


def with_labels(result, **changed):
    """The result with other distributions of labels, graded anew."""
    labels = {**result.labels.labels, **changed}
    made = replace(result.labels, labels=labels)
    return replace(result, labels=made.graded(made.certainty))


def sentences(result):
    found = describe(result)
    yield from (finding.text for finding in (*found.answers, *found.facts, *found.open_questions))
    for site in found.sites:
        yield from (finding.text for finding in site.findings)


@pytest.fixture(scope="module")
def eight():
    return plot_results.eight_clones()


def test_one_event_is_told_once(eight):
    result = with_labels(
        eight,
        pattern={"R": 0.99, "M": 0.01},
        reseeding_primary={"True": 0.99, "False": 0.01},
        self_seeding={"True": 0.99, "False": 0.01},
    )
    told = [text for text in sentences(result) if re.search(r"reseed|self-seed", text)]
    assert {text for text in told if "primary was reseeded" in text} and not any("self-seeding" in x for x in told)
    assert not any("(reseeding, R)" in text for text in told)


def test_one_question_is_asked_once(eight):
    even = {"True": 0.5, "False": 0.5}
    result = with_labels(eight, reseeding_primary=even, self_seeding=even)
    asked = [text for text in overview(result).open_questions if "reseeded" in text]
    assert len(asked) == 1
    assert not any("self-seeding" in finding.text for finding in describe(result).open_questions)


def test_another_answer_is_told_with_the_answer(eight):
    for labels in (eight.labels, replace(eight.labels, criterion_sensitive=tuple(eight.labels.labels))):
        for said in headline_sentences(labels):
            assert not re.search(r"another answer(?!:)", said.sentence), said.sentence


def test_no_list_of_alternatives_is_empty(eight):
    thin = {"monoclonal": 0.03, "polyclonal": 0.02}
    result = with_labels(eight, site_seeding={**eight.labels.labels["site_seeding"], "liver": thin})
    for said in headline_sentences(result.labels):
        assert "samples: ." not in said.sentence and ": ." not in said.sentence
    assert not any(re.search(r": *\\.", text) for text in sentences(result))


def test_not_reseeded_is_an_answer_and_not_a_missing_source(eight):
    sources = eight.labels.labels["site_sources"]
    for values, begins in (
        ({"liver": 0.09, "lung": 0.04}, "not reseeded (87%); otherwise from liver (9%); lung (4%)."),
        ({"liver": 0.3, "lung": 0.25, "brain": 0.05}, "source not determined: not reseeded (40%); liver (30%)"),
    ):
        result = with_labels(eight, site_sources={**sources, "prostate": values})
        texts = [f.text for site in describe(result).sites if site.site == "prostate" for f in site.findings]
        assert any(text.startswith(begins) for text in texts), texts


def test_a_remedy_stands_once_and_names_no_long_list(eight):
    even = {"True": 0.5, "False": 0.5}
    phrase = "single cells or more regions, to order 18 clones"
    keys = ("pattern", "cascade", "site_sources:liver", "site_sources:lung")
    made = with_labels(eight, cascade=even, cross_seeding=even)
    result = replace(made, labels=replace(made.labels, settled_by=dict.fromkeys(keys, phrase)))
    assert not any(phrase in text for text in sentences(result))
    assert overview(result).settled_by.count(phrase) <= 1
    names = [str(i) for i in range(20)]
    assert _clone_list(names, np.ones(20, dtype=bool)) == "one of 20 clones"
    assert _clone_list(names, np.arange(20) < 18, is_one=False) == "18 clones"
    assert _clone_list(names, np.arange(20) == 3) == "clone 3"


def test_no_remedy_asks_for_a_genome_of_a_genome():
    import inspect

    from phylometa.seeding import settle

    assert "genome-wide" not in inspect.getsource(settle)


@pytest.mark.parametrize("case", CASES)
def test_no_plural_is_left_to_the_reader_and_no_word_stands_twice(case):
    for text in sentences(getattr(plot_results, case)()):
        assert "(s)" not in text, text
        assert not re.search(r"\b([a-z]{4,}) \1\b", text), text


@pytest.mark.parametrize("case", CASES)
def test_sentences_are_short(case):
    result = getattr(plot_results, case)()
    found = overview(result)
    for text in (found.sentence, *found.open_questions, *(finding.text for finding in describe(result).facts)):
        for sentence in re.split(r"(?<=[.;:]) ", text):
            assert len(sentence.split()) <= 40, sentence


def test_what_is_next_to_nothing_is_zero_in_a_table():
    assert number(5.5e-22) == 0.0 and number(4e-5) == 0.0 and number(0.000123) == 0.000123
    assert number(float("nan")) == "" and number(1234.567) == 1230.0


def test_of_two_answers_one_is_told(eight):
    result = with_labels(
        eight, site_seeding={**eight.labels.labels["site_seeding"], "liver": {"monoclonal": 0.6, "polyclonal": 0.4}}
    )
    row = next(row for row in overview(result).rows if row.site == "liver")
    assert (row.clones.text, row.clones.note) == ("one", "")
