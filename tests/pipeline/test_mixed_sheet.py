"""Bulk metastases, plasma over time and single cells in one sheet and one command."""

import json

import numpy as np
import pytest
from shared_runs import made_once
from small_patients import QUICK, TINY

from phylometa.cli import _invoke
from phylometa.io.tables import read_patient
from phylometa.io.tsv import read_tsv
from phylometa.pipeline.stages import load_result
from phylometa.plots.clone_tree import clone_tree_scene
from phylometa.plots.scene_svg import scene_svg
from phylometa.plots.style import NO_SITE

# Names with a place in the body, so that a body map is drawn.
PLACES = {"primary": "prostate", "metastasis_1": "liver", "metastasis_2": "lung"}
N_CELLS, DROPOUT, FALSE_POSITIVE = 60, 0.2, 0.01
SETTINGS = (*TINY, "plasma_samples=2", "plasma_min_tumour=0.05", "distant_sites=2", "patient=M", "mutation_rate=0.0002")


def write_cells(folder, site):
    """Cells of the clones of a site as a matrix beside the sheet, and a row for them; clone of every cell."""
    truth = json.loads((folder / "truth.json").read_text())
    rng = np.random.default_rng(1)
    clones = [clone for clone, sites in truth["presence"].items() if site in sites]
    of_cell = rng.choice(clones, N_CELLS)
    mutations = truth["mutations"]
    lines = ["\t".join(("mutation", *(f"cell{c}" for c in range(N_CELLS))))]
    for i, name in enumerate(mutations["mutation_id"]):
        has = np.array([mutations["multiplicity"][clone][i] > 0 for clone in of_cell])
        seen = rng.random(N_CELLS) < np.where(has, 1 - DROPOUT, FALSE_POSITIVE)
        lines.append("\t".join((name, *map(str, seen.astype(int)))))
    (folder / "cells.tsv").write_text("\n".join(lines) + "\n")
    rows = [row.split("\t") for row in (folder / "samples.tsv").read_text().splitlines()]
    header = [*rows[0], "cells"]
    place = header.index("site")
    rows = [[PLACES.get(text, text) if i == place else text for i, text in enumerate(row)] for row in rows]
    own = {"patient": "M", "sample": "M_sc", "site": PLACES[site], "site_type": "metastasis", "kind": "cell"}
    own |= {"cells": "cells.tsv"}
    table = [header, *([*row, *[""] * (len(header) - len(row))] for row in rows[1:]), [own.get(c, "") for c in header]]
    (folder / "mixed.tsv").write_text("\n".join("\t".join(row) for row in table) + "\n")
    return of_cell, set(clones)


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """The sheet and its files."""

    def make(folder):
        options = [text for pair in SETTINGS for text in ("--set", pair)]
        assert _invoke(["simulate", "-o", str(folder / "in"), "--seed", "2", *options]) == 0
        write_cells(folder / "in", "metastasis_1")

    return made_once(tmp_path_factory, "mixed_sheet", make) / "in"


@pytest.fixture(scope="module")
def results(given, tmp_path_factory):
    def make(folder):
        config = folder / "quick.toml"
        quick = [text for text in QUICK if text.endswith(".toml")][0]
        with open(quick) as handle:
            config.write_text(handle.read() + "\n[cells]\nmoves = 5000\nchains = 2\ndraws = 20\n")
        arguments = ["run", str(given / "mixed.tsv"), "-o", str(folder / "out"), "--no-plots"]
        assert _invoke([*arguments, "--config", str(config)]) == 0

    return made_once(tmp_path_factory, "mixed_sheet_results", make) / "out/M"


def test_the_sheet_holds_all_kinds(given):
    patient = read_patient(given / "mixed.tsv")
    assert {sample.kind for sample in patient.samples} == {"tissue", "ctdna"}
    ((sample, matrix),) = patient.cell_matrices
    assert sample.site == "liver" and len(matrix.cells) == N_CELLS


@pytest.mark.system
def test_cells_enter_as_bundles_of_one_clone(given, results):
    result = load_result(results)
    bundles = [s for s, sample in enumerate(result.patient.samples) if sample.kind == "cell"]
    truth = json.loads((given / "truth.json").read_text())
    expected = [clone for clone, sites in truth["presence"].items() if "metastasis_1" in sites]
    assert len(expected) <= len(bundles) <= 6
    shares = np.einsum("t,tks->ks", result.trees.weights, result.trees.proportions)[:, bundles]
    assert shares.max(axis=0).min() > 0.6  # one clone makes up most of each
    site = result.patient.site_names.index("liver")
    presence = np.einsum("t,tk->k", result.trees.weights, result.trees.presence[:, :, site])
    assert presence[shares.argmax(axis=0)].min() > 0.9  # and is in the site
    assert all(result.patient.samples[s].site == "liver" for s in bundles)
    assert any("single cells of M_sc in bundles" in text for text in result.warnings)
    assert len({result.patient.samples[s].name for s in bundles}) == len(bundles)


@pytest.mark.system
def test_cells_and_plasma_make_no_site_of_their_own(results):
    summary = json.loads((results / "summary.json").read_text())
    assert [site["name"] for site in summary["sites"]] == list(PLACES.values())
    page = (results / "report.html").read_text()
    assert 'data-name="circulation"' in page
    start = page.index('data-name="body_map"')
    body = page[start : page.index("</figure>", start)]
    assert all(place in body for place in PLACES.values())
    assert not any(word in body for word in ("M_sc", "ctdna", "circulating"))
    samples = {row["sample"]: row["kind"] for row in read_tsv(results / "input" / "samples.tsv")}
    assert samples.pop("M_normal") == ""
    assert set(samples.values()) == {"tissue", "ctdna", "cell"}


@pytest.mark.system
def test_bars_of_plasma_beside_the_clone_tree_can_be_seen(results):
    """They have no colour of a site, and are not white on white."""
    drawn = scene_svg(clone_tree_scene(load_result(results)), prefix="t")
    assert drawn.count(f'fill="{NO_SITE}"') > 4 and "circulating</text>" in drawn


def test_cells_alone_are_pointed_to_their_command(given, capsys):
    rows = (given / "mixed.tsv").read_text().splitlines()
    (given / "alone.tsv").write_text("\n".join((rows[0], rows[-1])) + "\n")
    assert _invoke(["validate", str(given / "alone.tsv")]) == 3
    assert "use `phylometa cells`" in capsys.readouterr().err
