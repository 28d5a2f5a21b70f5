"""Numbers of the report are those of the JSON and TSV files: all of the tables, and every probability of a label."""

import bisect
import json
import re

import pytest

from phylometa.io.tsv import read_tsv
from phylometa.model.label_specs import label_name, value_name
from phylometa.pipeline.stages import load_result
from phylometa.plots.style import percent
from phylometa.report.overview import overview
from phylometa.report.report_tables import all_tables


@pytest.fixture(scope="module")
def written(small_run):
    return small_run, load_result(small_run)


def leaves(value):
    """All numbers of a JSON document."""
    if isinstance(value, dict):
        for part in value.values():
            yield from leaves(part)
    elif isinstance(value, list):
        for part in value:
            yield from leaves(part)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield float(value)


def numbers_of_files(directory):
    found = set()
    for path in directory.rglob("*.json"):
        found |= set(leaves(json.loads(path.read_text(encoding="utf-8"))))
    for path in [*directory.rglob("*.tsv"), *directory.rglob("*.tsv.gz")]:
        if path.name == "joint.tsv":
            continue
        for row in read_tsv(path):
            for cell in row.values():
                try:
                    found.add(float(cell))
                except (TypeError, ValueError):
                    continue
    return found


def test_every_number_of_the_tables_stands_in_the_files(written):
    directory, result = written
    files = sorted(numbers_of_files(directory))
    counted = {"left_out", "samples", "mutations", "sites", "settings", "inputs"}  # counts of rows, made here
    cells = [
        (table.key, column, cell)
        for table in all_tables(result).values()
        if table.key not in counted
        for row in table.rows
        for column, cell in zip(table.columns, row)
        if isinstance(cell, float)
    ]
    assert len(cells) > 150
    for key, column, cell in cells:
        at = bisect.bisect_left(files, cell)
        near = files[max(0, at - 1) : at + 1]
        tolerance = max(5e-3 * abs(cell), 1e-4 if cell == 0 else 0.0, 0.0051 if column.startswith("Share of") else 0.0)
        assert any(abs(value - cell) <= tolerance for value in near), (key, column, cell)


def test_every_probability_of_the_table_of_labels_is_that_of_labels_json(written):
    directory, result = written
    document = json.loads((directory / "seeding" / "labels.json").read_text(encoding="utf-8"))
    table = all_tables(result)["labels"]
    checked = 0
    for name, part in document["labels"].items():
        of_sites = part if part and isinstance(next(iter(part.values())), dict) else {"": part}
        for site, values in of_sites.items():
            if not values:
                continue
            best = min(values, key=lambda value: (-values[value], value))
            rows = [row for row in table.rows if row[0] == label_name(name) and site in row]
            assert rows, (name, site)
            told = " ".join(str(cell) for row in rows for cell in row)
            assert value_name(name, best) in told and (percent(values[best]) in told or f"{values[best]:.3g}" in told)
            checked += 1
    assert checked > 10


def test_the_first_screen_has_the_numbers_of_the_files(written):
    directory, result = written
    document = json.loads((directory / "seeding" / "labels.json").read_text(encoding="utf-8"))
    rows = read_tsv(directory / "input" / "samples.tsv")
    samples = [row["sample"] for row in rows if row["site_type"] != "normal"]
    strip = dict(overview(result).strip)
    assert strip["samples"] == str(len(samples))
    assert strip["clones"] == str(len({row["cluster"] for row in read_tsv(directory / "clusters" / "clusters.tsv")}))
    text = (directory / "report.html").read_text(encoding="utf-8")
    for row in overview(result).rows:
        values = document["labels"]["site_seeding"].get(row.site)
        if row.clones.text and values:
            key = {"one": "monoclonal", "several": "polyclonal"}.get(row.clones.text)
            assert key is None or row.clones.probability == pytest.approx(values[key], abs=1e-7)
            assert row.clones.support in re.sub(r"&gt;", ">", text)
