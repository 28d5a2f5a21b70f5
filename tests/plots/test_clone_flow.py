"""The patient in one picture: arrivals, columns, rows, words on branches."""

import datetime
from dataclasses import replace

import plot_results
import pytest

from phylometa.plots.arrivals import Arrival, find_arrivals, generations
from phylometa.plots.clone_bells import rows_of_site
from phylometa.plots.clone_flow import clone_flow_scene
from phylometa.plots.flow_tree import copy_number_words


@pytest.fixture(scope="module")
def result():
    return plot_results.eight_clones()


def test_arrivals_carry_their_own_probability(result):
    arrivals = find_arrivals(result)
    assert arrivals
    for arrival in arrivals:
        weight = sum(
            history.weight
            for _, history in result.histories
            if any(row[1:] == [arrival.source, arrival.clone, arrival.target] for row in history.migrations.tolist())
        )
        assert arrival.probability == pytest.approx(min(1.0, weight))


def test_every_site_that_is_probably_seeded_has_an_arrival(result):
    reached = {a.target for a in find_arrivals(result)}
    probability = result.histories.migration_probability
    for site in range(len(result.patient.sites)):
        if result.patient.sites[site].is_metastasis and probability[:, site].max() >= 0.5:
            assert site in reached


def test_generations_count_migrations_from_the_primary():
    ways = [Arrival(0, 1, 2, (0,), 0.9), Arrival(1, 2, 3, (2,), 0.9), Arrival(2, 0, 4, (3,), 0.9)]
    assert generations(4, 0, ways) == [0, 1, 2, 1]


def test_samples_of_one_day_are_no_course_of_time(result):
    patient = result.patient
    site = next(i for i in range(len(patient.sites)) if (patient.sample_site == i).sum() > 1)
    members = [i for i, at in enumerate(patient.sample_site) if at == site]

    def dated(*days):
        samples = list(patient.samples)
        for i, day in zip(members, days):
            samples[i] = replace(samples[i], collection_date=day)
        return patient.with_changes(samples=tuple(samples))

    day, later = datetime.date(2020, 1, 1), datetime.date(2021, 1, 1)
    same = rows_of_site(dated(*[day] * len(members)), site)
    assert len(same) == len(members) and not any(row.is_dated for row in same)
    (band,) = rows_of_site(dated(day, *[later] * (len(members) - 1)), site)
    assert band.is_dated and band.times[-1] == 1.0 and band.name == "2020-01-01 to 2021-01-01"
    unknown = rows_of_site(dated(None, *[later] * (len(members) - 1)), site)
    assert len(unknown) == len(members)


@pytest.mark.parametrize("width", [255, 518])
def test_the_picture_names_sites_clones_drivers_and_doubt(result, width):
    scene = clone_flow_scene(result, width=width)
    texts = " ".join(label.text for label in scene.labels)
    for name in ("prostate", *result.trees.names):
        assert name in texts
    drivers = {gene for gene in result.patient.mutations.genes if gene in result.patient.drivers}
    assert any(gene in texts for gene in drivers)
    for label in scene.labels:
        left, top, right, bottom = label.box
        assert left >= 0 and right <= scene.width + 0.5 and top >= 0 and bottom <= scene.height


def test_a_doubtful_migration_is_marked(result):
    arrivals = find_arrivals(result)
    doubtful = [a for a in arrivals if a.drawn_probability < 0.8 - 1e-9]
    texts = [label.text for label in clone_flow_scene(result).labels]
    assert bool(doubtful) == any(text.startswith("? ") for text in texts)


def test_copy_number_on_a_branch_in_words(result):
    from types import SimpleNamespace

    from phylometa.model.clone_copy_number import CloneCopyEvent

    name = result.trees.names[1]
    events = (
        CloneCopyEvent(name, "", "gain", 0.9, "8", 0, 10, "8q"),
        CloneCopyEvent(name, "", "gain", 0.9, "20", 0, 10, "20"),
        CloneCopyEvent(name, "", "gain", 0.3, "7", 0, 10, "7"),
        CloneCopyEvent(name, "", "doubling", 0.8),
        CloneCopyEvent(name, "", "homozygous_deletion", 0.8, "10", 0, 10, "", genes=("PTEN",)),
    )
    with_clones = replace(result, copy_number=SimpleNamespace(clones=SimpleNamespace(events=events)))
    assert copy_number_words(with_clones, 1) == "genome doubled; gain 8q 20; deleted PTEN"
    assert copy_number_words(with_clones, 2) == "" and copy_number_words(result, 1) == ""


def test_nothing_is_said_in_words():
    assert "No clones could be inferred" in clone_flow_scene(plot_results.nothing()).labels[0].text
