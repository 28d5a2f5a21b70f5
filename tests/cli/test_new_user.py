"""A new user's first hour: a folder of Mutect2 VCFs and ASCAT segments, then sheet, validate, run."""

from __future__ import annotations

import csv
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from phylometa.cli import main
from phylometa.io.simulated import write_simulated_patient
from phylometa.simulate import settings_from_text, simulate_patient

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
if not BENCHMARKS.is_dir():
    pytest.skip("the benchmarks are not here", allow_module_level=True)
sys.path.insert(0, str(BENCHMARKS))

from new_user import write_caller_folder  # noqa: E402

SMALL = {"distant_sites": "1", "assay": "wes", "cn_caller": "ascat", "patient": "P07"}


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, tuple[str, str]]]:
    """A folder with the callers' files in data/, and what the sheet must say of them."""
    top = tmp_path_factory.mktemp("user")
    simulated = simulate_patient(settings_from_text(None, SMALL), rng=np.random.default_rng(5))
    write_simulated_patient(simulated, top / "made")
    return top, write_caller_folder(top / "data", top / "made")


def test_sheet_and_validate(
    folder: tuple[Path, dict[str, tuple[str, str]]], capsys: pytest.CaptureFixture[str]
) -> None:
    top, expected = folder
    sheet = str(top / "samples.tsv")
    assert run("sheet", str(top / "data"), "-o", sheet) == 0
    with open(sheet, encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    assert {row["sample"]: (row["site"], row["site_type"]) for row in rows} == expected
    assert {row["patient"] for row in rows} == {"P07"}
    capsys.readouterr()
    assert run("validate", sheet) == 0
    told = capsys.readouterr().out
    assert "1 patient can be read, no problems" in told and "-0.0 %" not in told
    assert re.search(r"P07_\w+ \d+ of \d+ \(fewer than \d+\)", told)  # what a list leaves out is censored


@pytest.mark.slow
def test_three_commands(folder: tuple[Path, dict[str, tuple[str, str]]]) -> None:
    top, expected = folder
    sheet, results = str(top / "own.tsv"), top / "results"
    assert run("sheet", str(top / "data"), "-o", sheet) == 0
    assert run("validate", sheet) == 0
    assert run("run", sheet, "-o", str(results), "--no-plots") == 0
    summary = json.loads((results / "P07" / "summary.json").read_text(encoding="utf-8"))
    assert summary["n_samples"] == len(expected)
    assert {site["name"] for site in summary["sites"]} == {site for site, _ in expected.values()}
    assert (results / "P07" / "report.html").is_file()
