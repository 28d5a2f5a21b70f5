"""Call, counts and JSI of a metastasis are the same in labels.json, summary.json, divergence.tsv and report.html."""

import json
import math
import os
import re
from pathlib import Path

import pytest
from small_patients import QUICK, simulate_small

from phylometa.cli import _invoke

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
FIELD_CASES = Path(os.environ.get("PHYLOMETA_DATA", "")) / "field_cases"
SIMULATED = {  # kind -> settings beside those of `small_patients`
    "polyclonal": (),
    "parallel": ("pattern=parallel",),
    "linear": ("pattern=linear", "depth=60"),
    "cascade": ("pattern=cascade",),
    "self_seeding": ("pattern=self_seeding",),
    "random": ("pattern=random", "metastasis_clones=2"),
    "exome": ("assay=wes", "mutation_rate=0.02", "depth=150"),
    "doubled": ("trunk_doubling=1",),
    "low_purity": ("min_purity=0.2", "max_purity=0.35"),
    "one_region": ("primary_regions=1",),
}


def table(path):
    header, *rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    return {row[0]: dict(zip(header, row)) for row in rows}


def number(text):
    return math.nan if text == "NA" else float(text)


def same(one, other):
    """Equal numbers, None and NaN alike."""
    one, other = (math.nan if x is None else x for x in (one, other))
    return (math.isnan(one) and math.isnan(other)) or math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-6)


def check_agreement(directory):
    """Compare every metastasis in the four files; returns how many there are."""
    labels = json.loads((directory / "seeding/labels.json").read_text(encoding="utf-8"))
    summary = json.loads((directory / "summary.json").read_text(encoding="utf-8"))
    rows = table(directory / "timing/divergence.tsv")
    timing = {row["metastasis"]: row for row in summary["timing"]["divergence"]}
    html = (directory / "report.html").read_text(encoding="utf-8")
    assert summary["labels"]["pm_counts"] == labels["pm_counts"]
    assert summary["labels"]["divergence"] == labels["divergence"]
    assert set(rows) == set(timing) == set(labels["divergence"])
    for site, row in rows.items():
        counts, test = labels["pm_counts"][site], labels["divergence"][site]
        for name, key in (("S", "shared_clonal"), ("L_p", "L_p"), ("L_m", "L_m"), ("W_s", "W_s"), ("jsi", "jsi")):
            assert same(number(row[name]), counts[key]), (site, name)
            assert same(timing[site][name], counts[key]), (site, name)
        assert same(number(row["shared_fraction"]), counts["shared_fraction"])
        assert row["call"] == timing[site]["call"] == test["call"], site
        assert row["jsi_call"] == timing[site]["jsi_call"] == (labels["jsi_call"][site] or "undefined")
        assert same(number(row["p_value"]), test["p_value"])
        assert same(number(row["upper_bound"]), test["upper_bound"])
        assert int(row["n_unknown"]) == test["n_unknown"]
        if counts["L_p"] is not None:
            assert counts["L_p"] == test["n_missing"], site
        told = re.findall(re.escape(site) + r" diverged (early|late)\b(?! or)", html)
        assert set(told) <= {test["call"]}, site
    return len(rows)


def run(sheet, output, *options):
    assert _invoke(["run", str(sheet), "-o", str(output), "--no-plots", *options]) == 0
    (directory,) = (path for path in output.iterdir() if (path / "summary.json").is_file())
    return directory


def test_the_small_patient_says_one_thing(small_run):
    assert check_agreement(small_run) == 2


@pytest.mark.system
@pytest.mark.parametrize("name", ["demo", "a31", "a22"])
def test_bundled_patients_say_one_thing(name, real_run):
    directory = real_run(name)
    assert check_agreement(directory) > 0
    trees = json.loads((directory / "trees/trees.json").read_text(encoding="utf-8"))
    # The sites of each share far too many mutations for two tumors.
    assert "germline" not in trees["trees"][0]["parents"]


@pytest.mark.system
@pytest.mark.skipif(not FIELD_CASES.is_dir(), reason="PHYLOMETA_DATA is not set")
@pytest.mark.parametrize(
    ("case", "calls", "L_p"),
    [
        ("sis_full", {"early"}, 8),
        ("sis_vcf", {"early", "undetermined"}, None),
        ("control", {"early"}, 40),
    ],
)
def test_field_cases(case, calls, L_p, tmp_path):
    directory = run(FIELD_CASES / case / "samples.tsv", tmp_path / "results", *QUICK)
    assert check_agreement(directory) == 1
    labels = json.loads((directory / "seeding/labels.json").read_text(encoding="utf-8"))
    assert labels["divergence"]["liver"]["call"] in calls
    if L_p is not None:
        assert labels["pm_counts"]["liver"]["L_p"] == L_p
    else:
        assert labels["divergence"]["liver"]["upper_bound"] >= 3
        warnings = (directory / "warnings.tsv").read_text(encoding="utf-8")
        assert "8 of 88 mutations clonal in the primary have no reads in M1" in warnings


@pytest.mark.slow
@pytest.mark.parametrize("kind", SIMULATED)
def test_simulated_patients_say_one_thing(kind, tmp_path):
    sheet = simulate_small(tmp_path / "patient", seed=11, extra=SIMULATED[kind])
    assert check_agreement(run(sheet, tmp_path / "results")) >= 1
