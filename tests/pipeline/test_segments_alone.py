"""Sheets whose samples have segments alone, or of which some do: clones, histories and labels with their limits."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from shared_runs import made_once
from small_patients import QUICK, no_page

from phylometa.cli import _invoke
from phylometa.io.tables import read_patient
from phylometa.io.tsv import read_tsv
from phylometa.pipeline.stages import load_result

pytestmark = pytest.mark.system  # two runs of seconds, for all

MB = 1_000_000
LENGTHS = {
    "1": 248,
    "2": 242,
    "3": 198,
    "5": 181,
    "7": 159,
    "8": 145,
    "10": 133,
    "13": 114,
    "17": 83,
    "18": 80,
    "20": 64,
}
# Clones: trunk; one that only the primary has; one in both metastases; one in the lung alone.
EVENTS = {
    "trunk": {"17": (1, 0), "8": (2, 1), "13": (1, 0)},
    "primary": {"3": (1, 0), "20": (2, 1)},
    "metastases": {"5": (2, 1), "10": (1, 0), "18": (2, 0)},
    "lung": {"7": (2, 1), "1": (1, 0)},
}
# Share of a sample's cells that have the events of a clone.
CELLS = {
    "P1": {"trunk": 1, "primary": 0.6},
    "P2": {"trunk": 1, "primary": 0.4},
    "liver": {"trunk": 1, "metastases": 1},
    "lung": {"trunk": 1, "metastases": 1, "lung": 0.7},
}
SITES = {"P1": ("colon", "primary"), "P2": ("colon", "primary"), "liver": ("liver", "metastasis")}
SITES["lung"] = ("lung", "metastasis")
HEAD = "sample\tchrom\tstart\tend\tmajor_cn\tminor_cn\tfraction\tmajor2_cn\tminor2_cn"


def write_segments(path, samples=tuple(CELLS)):
    lines = [HEAD]
    for sample in samples:
        for chrom, length in LENGTHS.items():
            state, cells = (1, 1), 0
            for clone, share in CELLS[sample].items():
                if chrom in EVENTS[clone]:
                    state, cells = EVENTS[clone][chrom], share
            share = cells or 1
            second = (1, 1) if share < 1 else ("NA", "NA")
            lines.append("\t".join(map(str, (sample, chrom, 1, length * MB, *state, share, *second))))
    path.write_text("\n".join(lines) + "\n")


def write_sheet(folder, *, with_reads=(), name="S"):
    """A sheet with segments of all samples, and reads of some: eight mutations a clone, at purity .8."""
    folder.mkdir(parents=True, exist_ok=True)
    write_segments(folder / "segments.tsv")
    rows = ["patient\tsample\tsite\tsite_type\tpurity\tcounts\tcn_segments"]
    for sample, (site, kind) in SITES.items():
        reads = "counts.tsv" if sample in with_reads else ""
        rows.append(f"{name}\t{sample}\t{site}\t{kind}\t{0.8 if reads else ''}\t{reads}\tsegments.tsv")
    (folder / "samples.tsv").write_text("\n".join(rows) + "\n")
    rng = np.random.default_rng(5)
    lines = ["mutation_id\tsample_id\tref_counts\talt_counts"]
    for k, clone in enumerate(EVENTS):
        for i in range(8):
            for sample in with_reads:
                alt = rng.binomial(120, 0.4 * CELLS[sample].get(clone, 0))
                lines.append(f"2:{1_000_000 * (8 * k + i + 1)}:A:T\t{sample}\t{120 - alt}\t{alt}")
    (folder / "counts.tsv").write_text("\n".join(lines) + "\n")
    return folder / "samples.tsv"


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    def make(folder):
        sheet = write_sheet(folder / "in")
        assert _invoke(["run", str(sheet), "-o", str(folder / "out"), "--no-plots", *QUICK]) == 0

    return made_once(tmp_path_factory, "segments_alone", make)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    def make(folder):
        sheet = write_sheet(folder / "in", with_reads=("P1", "P2", "liver"))
        with no_page():
            assert _invoke(["run", str(sheet), "-o", str(folder / "out"), "--no-plots", *QUICK]) == 0

    return made_once(tmp_path_factory, "segments_of_some", make)


def clone_of(result):
    return dict(zip(result.patient.mutations.ids, result.clusters.labels.tolist()))


def test_segments_alone_give_clones_and_their_tree(alone):
    result = load_result(alone / "out" / "S")
    assert result.patient.mutations.is_event.all() and result.patient.mutations.n_mutations == 10
    own = clone_of(result)
    groups = [("17_loss", "8_gain", "13_loss"), ("3_loss", "20_gain"), ("5_gain", "10_loss", "18_cnloh")]
    groups.append(("7_gain", "1_loss"))
    assert all(len({own[name] for name in names}) == 1 for names in groups)
    assert len({own[names[0]] for names in groups}) == 4
    parents = result.trees.best.parents
    trunk, primary, metastases, lung = (own[names[0]] for names in groups)
    assert parents[trunk] == -1 and parents[metastases] == trunk and parents[lung] == metastases
    assert parents[primary] == trunk
    ccf = result.clusters.ccf[primary]
    np.testing.assert_allclose(ccf, [0.6, 0.4, 0.0, 0.0], atol=0.12)


def test_segments_alone_give_histories_and_labels_but_nothing_sure_and_no_dates(alone):
    out = alone / "out" / "S"
    result = load_result(out)
    p = result.histories.migration_probability
    assert p[0].sum() > 0.8  # the colon seeded something
    labels = json.loads((out / "seeding/labels.json").read_text())
    status = labels["status"].values()
    levels = [v for value in status for v in (value.values() if isinstance(value, dict) else [value])]
    assert "favoured" in levels and "supported" not in levels
    assert result.timing is None and result.comparison is None and not (out / "timing").exists()
    warnings = [row["warning"] for row in read_tsv(out / "warnings.tsv")]
    assert any("10 copy-number events stand beside 0 mutations" in text for text in warnings)
    assert any("copy-number events alone tick by no clock" in text for text in warnings)
    assert any("no mutations: copy-number events stand for them" in text for text in warnings)
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["n_mutations"], summary["n_copy_number_events"]) == (0, 10)
    page = (out / "report.html").read_text()
    assert "10 copy-number events in 4 samples" in page and "copy-number event" in page


def test_stages_of_segments_alone_can_be_run_again(alone, tmp_path):
    copy = tmp_path / "S"
    shutil.copytree(alone / "out" / "S", copy)
    before = {name: (copy / name).read_bytes() for name in ("trees/joint.json", "seeding/labels.json")}
    for stage in ("tree", "migrate", "seeding"):
        assert _invoke([stage, str(copy)]) == 0
    assert {name: (copy / name).read_bytes() for name in before} == before
    assert _invoke(["timing", str(copy)]) == 4


def test_a_mixed_sheet_places_the_sample_without_reads(mixed):
    result = load_result(mixed / "out" / "S")
    table = result.patient.mutations
    lung = table.sample_names.index("lung")
    assert not table.is_informative[~table.is_event, lung].any() and table.is_informative[table.is_event].all()
    own = clone_of(result)
    # mutations and events of one clone are one clone; two events that the lung alone has may be wrong states
    assert own["2:17000000:A:T"] == own["5_gain"] == own["18_cnloh"]
    assert own["2:1000000:A:T"] == own["8_gain"]
    assert result.clusters.ccf[own["5_gain"], lung] > 0.8
    p, names = result.histories.migration_probability, result.histories.site_names
    assert p[:, names.index("lung")].sum() > 0.95
    # what is counted and dated are mutations
    counts = {row.metastasis: row.counts for row in result.comparison.metastases}
    assert "liver" in counts
    assert max(counts["liver"].S, counts["liver"].L_p, counts["liver"].L_m) <= 8.5
    assert result.timing is not None


def test_a_sample_without_reads_needs_no_purity(mixed):
    patient = load_result(mixed / "out" / "S").patient
    assert patient.purity.tolist()[-1] == 1.0
    assert not any("lung" in text and "purity" in text for text in patient.warnings)
    read = read_patient(mixed / "in" / "samples.tsv")
    assert not any("no mutation is observed" in text for text in read.warnings)


def test_validate_and_a_sheet_of_nothing(alone, tmp_path, capsys):
    assert _invoke(["validate", str(alone / "in" / "samples.tsv")]) == 0
    capsys.readouterr()
    sheet = tmp_path / "samples.tsv"
    sheet.write_text("patient\tsample\tsite\tpurity\nS\tP\tcolon\t0.5\n")
    assert _invoke(["run", str(sheet), "-o", str(tmp_path / "out")]) == 3
    assert "one of the columns vcf, maf, counts is needed, or cn_segments" in capsys.readouterr().err


def test_events_can_be_left_out(mixed, tmp_path, capsys):
    config = tmp_path / "never.toml"
    config.write_text('[observation]\ncopy_number_events = "never"\n[trees]\njoint_moves = 2000\njoint_rounds = 1\n')
    sheet = write_sheet(tmp_path / "in")
    assert _invoke(["run", str(sheet), "-o", str(tmp_path / "out"), "--no-plots", "--config", str(config)]) == 3
    assert "no variants left" in capsys.readouterr().err
