"""Reading results back: what was changed by hand or written by another version is an InputError that names the file."""

import json
import shutil
from dataclasses import MISSING, fields

import numpy as np
import pytest
from io_files import rewrite

import phylometa as pm
from phylometa.copy_number import CopyNumberResult
from phylometa.errors import InputError
from phylometa.report import report_html

FILES = (
    "manifest.json",
    "trees/trees.json",
    "seeding/histories.json",
    "seeding/comparison.json",
    "seeding/labels.json",
    "timing/timing.json",
    "copy_number/result.json",
)


def key_paths(document, path=()):
    """One path to every key of every object; of a list only its first item."""
    if isinstance(document, dict):
        for key, value in document.items():
            if path == () and "versions" in document and key != "settings":
                continue  # of the manifest only the settings are read
            yield (*path, key)
            yield from key_paths(value, (*path, key))
    elif isinstance(document, list) and document:
        yield from key_paths(document[0], (*path, 0))


def changed(document, path, change):
    copy = json.loads(json.dumps(document))
    parent = copy
    for step in path[:-1]:
        parent = parent[step]
    change(parent, path[-1])
    return copy


def remove(parent, key):
    del parent[key]


def replace_by_text(parent, key):
    parent[key] = "\u00e9\n"


@pytest.fixture(scope="module")
def run(small_run, tmp_path_factory):
    copy = tmp_path_factory.mktemp("changed") / "SMALL"
    shutil.copytree(small_run, copy)
    return copy


@pytest.fixture
def tables_once(run, monkeypatch):
    """The tables beside the documents are read once for all changes of a document."""
    from phylometa.io import results, tables

    for module, name in ((tables, "read_patient"), (results, "read_ccf"), (results, "read_clusters")):
        monkeypatch.setattr(module, name, remember(getattr(module, name)))
    monkeypatch.setattr(results, "read_segment_tables", remember(results.read_segment_tables))


def remember(function):
    kept = []

    def first(*args, **options):
        if not kept:
            kept.append(function(*args, **options))
        return kept[0]

    return first


def refusals(run, name, change, depth):
    """Key paths of at most `depth` whose change makes the result an InputError; nothing else may be raised."""
    path = run / name
    text = path.read_text(encoding="utf-8")
    document = json.loads(text)
    refused = []
    try:
        for where in key_paths(document):
            if len(where) > depth:
                continue
            rewrite(path, json.dumps(changed(document, where, change)))
            try:
                pm.load_result(run)
            except InputError as error:
                assert name in str(error), where
                refused.append(where)
    finally:
        rewrite(path, text)
    return document, refused


@pytest.mark.parametrize("name", FILES)
def test_a_missing_key_is_an_input_error(run, tables_once, name):
    document, refused = refusals(run, name, remove, 1)
    needed = {"manifest.json": ["settings"]}.get(name, document)
    assert [key for key in needed if (key,) not in refused and key not in OPTIONAL] == []


@pytest.mark.slow
@pytest.mark.parametrize("change", [remove, replace_by_text])
@pytest.mark.parametrize("name", FILES)
def test_any_change_is_an_input_error_or_read(run, tables_once, name, change):
    _, refused = refusals(run, name, change, 99)
    assert refused


# Keys of another program's use, and those of later versions that have a default.
OPTIONAL = (
    *("samples", "complete", "divergence", "near_optimal", "other_roots", "presentation", "ln_distant_origin"),
    "graphs_covered",
    *("override", "parallel_evolution", "parallel_evolution_probability", "tracerx_probabilities"),
    *(item.name for item in fields(CopyNumberResult) if item.default is not MISSING),
    *(item.name for item in fields(CopyNumberResult) if item.default_factory is not MISSING),
)


def test_a_document_that_is_no_json_or_no_object(run, tables_once):
    for name in FILES:
        path = run / name
        text = path.read_text(encoding="utf-8")
        for wrong in ("", "[]", "null", "3", '{"a": '):
            rewrite(path, wrong)
            with pytest.raises(InputError, match=path.name):
                pm.load_result(run)
        rewrite(path, text)


def test_segments_and_thresholds_come_back(small_run, small_sheet):
    again, first = pm.load_result(small_run), pm.read_patient(small_sheet)
    assert again.patient.segments.sample_names == first.segments.sample_names
    for name in ("sample", "start", "end", "major", "minor", "fraction"):
        values = (np.asarray(getattr(patient.segments, name), dtype=float) for patient in (again.patient, first))
        np.testing.assert_allclose(*values, rtol=1e-7)
    assert again.labels.settings == again.settings.seeding
    assert 'data-name="copy_number"' in report_html(again)
