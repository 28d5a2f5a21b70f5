"""Plasma, circulating cells and a xenograft beside tissue, from the sheet to the report; and plasma alone."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from shared_runs import made_once
from small_patients import QUICK, TINY

import phylometa as pm
from phylometa.cli import _invoke
from phylometa.io.tables import read_patient
from phylometa.io.tsv import read_tsv
from phylometa.model.circulation import NO_SITE, Circulation
from phylometa.pipeline.stages import load_result
from phylometa.simulate import SimulationSettings, simulate_patient

pytestmark = pytest.mark.system  # one run of seconds, for all

KINDS = ("plasma_samples=3", "plasma_only_share=0.03", "ctc_pools=1", "xenografts=1", "distant_sites=2")
KINDS += ("plasma_min_tumour=0.05", "metastasis_clones=0", "extra_migrations=0", "primary_regions=2", "patient=K")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    def make(folder):
        settings = [text for pair in (*TINY, *KINDS) for text in ("--set", pair)]
        assert _invoke(["simulate", "-o", str(folder / "in"), "--seed", "4", *settings]) == 0
        (folder / "treatments.tsv").write_text(
            "patient\tsite\tkind\tstart\tend\nK\tmetastasis_1\tradiotherapy\t2015-03-20\t2015-03-30\n"
        )
        # fewer moves leave draws of the way to the posterior, in which the unseen clone has the tissue's mutations
        longer = folder / "longer.toml"
        longer.write_text(Path(QUICK[1]).read_text().replace("joint_moves = 2000", "joint_moves = 60000"))
        arguments = ["run", str(folder / "in" / "samples.tsv"), "-o", str(folder / "out"), "--no-plots"]
        arguments += ["--config", str(longer)]
        assert _invoke([*arguments, "--treatments", str(folder / "treatments.tsv")]) == 0

    return made_once(tmp_path_factory, "other_kinds", make)


def test_the_sheet_is_read_back_as_it_was_simulated(folder):
    read = read_patient(folder / "in" / "samples.tsv")
    assert [s.kind for s in read.samples].count("ctdna") == 3 and read.samples[-1].kind == "pdx"
    assert read.sample_site.tolist().count(-1) == 4
    again = read_patient(folder / "out" / "K" / "input" / "samples.tsv")
    assert [(s.kind, s.site) for s in again.samples] == [(s.kind, s.site) for s in read.samples]


def test_what_circulates_is_no_site(folder):
    directory = folder / "out" / "K"
    summary = json.loads((directory / "summary.json").read_text())
    assert [site["name"] for site in summary["sites"]] == ["primary", "metastasis_1", "metastasis_2"]
    text = (directory / "seeding" / "labels.json").read_text() + (directory / "seeding" / "graph.dot").read_text()
    assert not re.search("ctdna|ctc|K_pdx", text)
    assert not re.search("ctdna|ctc", (directory / "copy_number" / "tree.nwk").read_text())


def test_shares_are_those_of_the_truth(folder):
    truth = json.loads((folder / "in" / "truth.json").read_text())
    result = load_result(folder / "out" / "K")
    found = result.circulation
    assert found.samples == ("K_ctdna_1", "K_ctc_1", "K_ctdna_2", "K_ctdna_3")
    assert np.allclose(found.shed.sum(axis=0), 1.0, atol=1e-3)
    hidden = [truth["proportions"]["unseen"][name] for name in found.samples]
    row = found.origins.index(NO_SITE)
    assert ((found.shed_lo[row] - 0.03 <= hidden) & (hidden <= found.shed_hi[row] + 0.03)).all()
    clone = int(found.unplaced.argmax())
    assert found.unplaced[clone] > 0.95
    carried = [m for m, c in zip(truth["mutations"]["mutation_id"], truth["mutations"]["clone"]) if c == "unseen"]
    mine = {result.patient.mutations.ids[i] for i in np.flatnonzero(result.clusters.labels == clone)}
    assert len(mine & set(carried)) > 0.8 * max(len(mine), len(carried))
    purity = {s.name: s.purity for s in result.patient.samples}
    for name in found.samples:
        assert purity[name] == pytest.approx(truth["purity"][name], rel=0.2)


def test_tables_say_when_and_from_where(folder):
    directory = folder / "out" / "K" / "trees"
    rows = list(read_tsv(directory / "circulating.tsv"))
    before = {row["sample"]: row["treatments_before"] for row in rows}
    assert before["K_ctdna_1"] == "" and before["K_ctdna_2"] == "radiotherapy (metastasis_1, 2015-03-20)"
    shed = list(read_tsv(directory / "shed.tsv"))
    assert {row["known_from"] for row in shed} == {
        "primary", "metastasis_1", "metastasis_2", "several sites", "no sampled site"
    }  # fmt: skip
    document = json.loads((directory / "circulation.json").read_text())
    assert Circulation.from_json(document).rows[0][:4] == (rows[0]["sample"], "ctdna", "2015-03-02", rows[0]["clone"])


def test_the_report_has_a_timeline_of_shares_and_no_place_for_plasma(folder):
    page = (folder / "out" / "K" / "report.html").read_text()
    assert "Circulating tumour DNA and cells" in page and 'data-name="circulation"' in page
    assert "no sampled site shows it" in page
    body_map = page[page.index('data-name="body_map"') : page.index("</figure>", page.index('data-name="body_map"'))]
    assert "ctdna" not in body_map and "circulating" not in body_map
    routes = page[page.index('data-name="routes"') : page.index("</figure>", page.index('data-name="routes"'))]
    assert "ctdna" not in routes


def test_every_figure_is_drawn(folder, tmp_path):
    copy = shutil.copytree(folder / "out" / "K", tmp_path / "K")
    assert _invoke(["plot", str(copy), "--format", "svg"]) == 0
    assert (tmp_path / "K" / "figures" / "circulation.svg").is_file()


def test_routes_are_those_of_the_tissue(folder):
    """What circulates adds reads to clones, and no route that the truth does not have."""
    truth = json.loads((folder / "in" / "true_labels.json").read_text())
    probability = load_result(folder / "out" / "K").histories
    names = probability.site_names
    sure = {
        f"{names[s]}>{names[t]}" for s, t in np.argwhere(probability.migration_probability >= 0.95)
    }  # fmt: skip
    assert sure <= set(truth["edges"])


def test_plasma_alone_gives_clones_and_no_seeding(folder, tmp_path, capsys):
    rows = (folder / "in" / "samples.tsv").read_text().splitlines()
    kept = [rows[0], *(row for row in rows if "ctdna" in row.split("\t")[1])]
    (folder / "in" / "plasma.tsv").write_text("\n".join(kept) + "\n")
    arguments = ["run", str(folder / "in" / "plasma.tsv"), "-o", str(tmp_path / "o"), "--no-plots", *QUICK]
    assert _invoke(arguments) == 0
    directory = tmp_path / "o" / "K"
    result = load_result(directory)
    assert result.labels is None and result.histories is None and result.timing is None
    assert result.circulation is not None and len(result.circulation.samples) == 3
    assert any("no sample names a site" in text for text in result.warnings)
    page = (directory / "report.html").read_text()
    assert "not which site seeded which" in page and "Circulating tumour DNA and cells" in page
    assert (directory / "trees" / "circulating.tsv").is_file() and not (directory / "seeding").exists()


def test_given_clusters_circulate_too():
    settings = SimulationSettings(
        mutation_rate=0.0001, distant_sites=1, plasma_samples=2, plasma_min_tumour=0.05, plasma_only_share=0.04
    )
    simulated = simulate_patient(settings, rng=np.random.default_rng(3))
    names = tuple(simulated.truth.tree.names[k] for k in simulated.truth.clone)
    patient = simulated.patient.with_changes(known_clusters=names)
    quick = dataclasses.replace(pm.Settings().trees, max_scenarios=100, sweeps=20, rounds=4)
    result = pm.analyse(patient, settings=pm.Settings().replace(trees=quick))
    found = result.circulation
    assert found.unplaced[found.clones.index("unseen")] > 0.95
    true = simulated.truth.proportions[[simulated.truth.tree.names.index(name) for name in found.clones]][:, -2:]
    inside = (found.share_lo - 0.02 <= true) & (true <= found.share_hi + 0.02)
    assert inside.mean() > 0.8
