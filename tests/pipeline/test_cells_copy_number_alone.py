"""Sheets whose samples are single cells with copy number only, or mixed with bulk reads: clones, histories, labels."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from shared_runs import made_once
from small_patients import QUICK, no_page
from test_segments_alone import EVENTS, LENGTHS, MB, clone_of, write_sheet

from phylometa.cli import _invoke
from phylometa.io.tables import read_patient
from phylometa.io.tsv import read_tsv
from phylometa.pipeline.stages import load_result

pytestmark = pytest.mark.system  # two runs of seconds, for all

WRONG = 0.05
# Clones of the cells of a site, and how many cells of each: the genotype is that of all clones named.
CELLS = {
    "colon": {("trunk",): 15, ("trunk", "primary"): 25, (): 8},
    "liver": {("trunk", "metastases"): 40},
    "lung": {("trunk", "metastases"): 15, ("trunk", "metastases", "lung"): 25},
}


def write_cells(path, site, rng):
    """Cells of a site as MEDICC2's input; true clone of every cell."""
    lines, clones = ["sample_id\tchrom\tstart\tend\tcn_a\tcn_b"], {}
    for clone, n in CELLS[site].items():
        for number in range(n):
            cell = f"{site}_{'_'.join(clone) or 'normal'}_{number}"
            clones[cell] = clone
            for chrom, length in LENGTHS.items():
                state = [1, 1]
                for name in clone:
                    state = list(EVENTS[name].get(chrom, state))
                if rng.random() < WRONG:
                    state[0] += 1
                lines.append(f"{cell}\t{chrom}\t1\t{length * MB}\t{state[0]}\t{state[1]}")
    path.write_text("\n".join(lines) + "\n")
    return clones


def write_all(folder):
    """A sheet of cells alone."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(3)
    rows, clones = ["patient\tsample\tsite\tsite_type\tkind\tcells"], {}
    for site in CELLS:
        clones |= write_cells(folder / f"{site}.tsv", site, rng)
        kind = "primary" if site == "colon" else "metastasis"
        rows.append(f"S\t{site}_sc\t{site}\t{kind}\tcell\t{site}.tsv")
    (folder / "samples.tsv").write_text("\n".join(rows) + "\n")
    return clones


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    def make(folder):
        (folder / "clones.json").write_text(json.dumps(write_all(folder / "in")))
        sheet = str(folder / "in" / "samples.tsv")
        assert _invoke(["run", sheet, "-o", str(folder / "out"), "--no-plots", *QUICK]) == 0

    return made_once(tmp_path_factory, "cells_copy_number_alone", make)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Reads and segments of the colon and the liver, cells of the lung."""

    def make(folder):
        sheet = write_sheet(folder / "in", with_reads=("P1", "P2", "liver"))
        write_cells(folder / "in" / "lung.tsv", "lung", np.random.default_rng(3))
        head, *rows = sheet.read_text().splitlines()
        rows = [f"{row}\t\t" for row in rows if not row.startswith("S\tlung")]
        rows.append("S\tlung_sc\tlung\tmetastasis\t\t\t\tcell\tlung.tsv")
        sheet.write_text("\n".join((f"{head}\tkind\tcells", *rows)) + "\n")
        with no_page():
            assert _invoke(["run", str(sheet), "-o", str(folder / "out"), "--no-plots", *QUICK]) == 0

    return made_once(tmp_path_factory, "cells_copy_number_mixed", make)


def test_cells_of_a_clone_and_site_are_a_sample(alone):
    result = load_result(alone / "out" / "S")
    assert [(sample.kind, sample.site) for sample in result.patient.samples] == [
        *[("cell", "colon")] * 2,
        ("cell", "liver"),
        *[("cell", "lung")] * 2,
    ]
    own = clone_of(result)
    groups = [("17_loss", "8_gain", "13_loss"), ("3_loss", "20_gain"), ("5_gain", "10_loss", "18_cnloh")]
    groups.append(("7_gain", "1_loss"))
    assert sorted(own) == sorted(name for names in groups for name in names)
    assert all(len({own[name] for name in names}) == 1 for names in groups)
    trunk, primary, metastases, lung = (own[names[0]] for names in groups)
    parents = result.trees.best.parents
    assert parents[trunk] == -1 and parents[primary] == trunk
    assert parents[metastases] == trunk and parents[lung] == metastases
    shares = np.einsum("t,tks->ks", result.trees.weights, result.trees.proportions)
    assert shares.max(axis=0).min() > 0.6  # one clone makes up most of every sample


def test_cells_alone_give_histories_and_labels_but_nothing_sure(alone):
    out = alone / "out" / "S"
    result = load_result(out)
    p, names = result.histories.migration_probability, result.histories.site_names
    colon, liver, lung = (names.index(name) for name in ("colon", "liver", "lung"))
    assert p[colon, liver] + p[lung, liver] > 0.9 and p[colon, lung] + p[liver, lung] > 0.9
    assert p[:, colon].sum() < 0.3
    status = json.loads((out / "seeding/labels.json").read_text())["status"].values()
    levels = [v for value in status for v in (value.values() if isinstance(value, dict) else [value])]
    assert "favoured" in levels and "supported" not in levels
    assert result.timing is None and result.comparison is None
    warnings = [row["warning"] for row in read_tsv(out / "warnings.tsv")]
    (told,) = (text for text in warnings if text.startswith("copy number of 128 single cells"))
    assert "colon_sc, liver_sc, lung_sc" in told and "wrong states 0.0" in told and "normal" in told
    tree = (out / "copy_number" / "tree.nwk").read_text()
    assert all(sample.name in tree for sample in result.patient.samples)
    page = (out / "report.html").read_text()
    assert "10 copy-number events in 5 samples" in page


def test_every_cell_has_a_fate_in_a_table(alone):
    truth = json.loads((alone / "clones.json").read_text())
    rows = list(read_tsv(alone / "out/S/input/cells.tsv"))
    assert len(rows) == 128 and {row["cell"] for row in rows} == set(truth)
    placed = [row for row in rows if row["fate"] in ("clone", "normal")]
    assert len(placed) >= 120
    found = {row["cell"]: row["clone"] for row in placed}
    pairs = {(tuple(truth[cell]), name) for cell, name in found.items()}
    counts = [sum(tuple(truth[cell]) == clone and found[cell] == name for cell in found) for clone, name in pairs]
    assert sum(count for count in counts if count >= 7) >= 0.97 * len(placed)
    samples = {sample.name for sample in load_result(alone / "out" / "S").patient.samples}
    assert {row["sample"] for row in placed if row["fate"] == "clone"} == samples
    assert all(row["fate"] != "clone" or row["matrix"].removesuffix("_sc") in row["sample"] for row in rows)
    assert load_result(alone / "out" / "S").patient.cells[0].cell == rows[0]["cell"]


def test_reads_of_bulk_and_copy_number_of_cells_make_one_tree(mixed):
    result = load_result(mixed / "out" / "S")
    kinds = [(sample.name, sample.kind) for sample in result.patient.samples]
    assert kinds[:3] == [("P1", "tissue"), ("P2", "tissue"), ("liver", "tissue")]
    assert [kind for _, kind in kinds[3:]] == ["cell", "cell"]
    own = clone_of(result)
    assert own["2:17000000:A:T"] == own["5_gain"] == own["18_cnloh"]  # the metastases' mutations and events
    assert own["2:1000000:A:T"] == own["8_gain"] and own["7_gain"] == own["1_loss"] != own["5_gain"]
    assert result.trees.best.parents[own["7_gain"]] == own["5_gain"]
    p, names = result.histories.migration_probability, result.histories.site_names
    assert p[:, names.index("lung")].sum() > 0.9
    warnings = [row["warning"] for row in read_tsv(mixed / "out/S/warnings.tsv")]
    assert any("copy number of 40 single cells of lung_sc" in text for text in warnings)
    assert any("copy-number events stand beside" in text and "segments alone" in text for text in warnings)


def test_stages_of_cells_can_be_run_again(alone, tmp_path):
    copy = tmp_path / "S"
    shutil.copytree(alone / "out" / "S", copy)
    before = (copy / "trees/joint.json").read_bytes()
    for stage in ("tree", "migrate", "seeding"):
        assert _invoke([stage, str(copy)]) == 0
    assert (copy / "trees/joint.json").read_bytes() == before
    labels = (json.loads((folder / "seeding/labels.json").read_text()) for folder in (alone / "out" / "S", copy))
    first, again = ((document["labels"], document["status"], document["settled_by"]) for document in labels)
    assert first == again


def test_the_sheet_can_be_checked_and_normal_cells_alone_are_no_tumour(alone, tmp_path, capsys):
    assert _invoke(["validate", str(alone / "in" / "samples.tsv")]) == 0
    patient = read_patient(alone / "in" / "samples.tsv")
    assert not patient.samples and len(patient.cell_matrices) == 3
    capsys.readouterr()
    lines = (alone / "in" / "colon.tsv").read_text().splitlines()
    normal = [lines[0], *(line for line in lines if "normal" in line)]
    (tmp_path / "cells.tsv").write_text("\n".join(normal) + "\n")
    sheet = tmp_path / "samples.tsv"
    sheet.write_text("patient\tsample\tsite\tsite_type\tkind\tcells\nS\tsc\tcolon\tprimary\tcell\tcells.tsv\n")
    assert _invoke(["run", str(sheet), "-o", str(tmp_path / "out"), "--no-plots", *QUICK]) == 4
    assert "no clone of the tumour" in capsys.readouterr().err
