"""A new user's first hour: a folder of Mutect2 VCFs and ASCAT segments, then sheet, validate, run."""

from __future__ import annotations

import csv
import gzip
import json
import re
from pathlib import Path

import numpy as np
import pytest

from phylometa.cli import main
from phylometa.io.simulated import write_simulated_patient
from phylometa.simulate import settings_from_text, simulate_patient

SMALL = {"distant_sites": "1", "assay": "wes", "cn_caller": "ascat", "patient": "P07"}

LEAST_READS = 4


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def caller_folder(folder: Path, made: Path) -> dict[str, tuple[str, str]]:
    """One filtered VCF and one file of segments a sample, as Mutect2 and ASCAT leave them; site and type by sample."""
    folder.mkdir()
    with open(made / "samples.tsv", encoding="utf-8") as handle:
        sheet = list(csv.DictReader(handle, delimiter="\t"))
    with gzip.open(made / sheet[0]["vcf"], "rt", encoding="utf-8") as handle:
        lines = handle.read().splitlines()
    meta = [line for line in lines if line.startswith("##") and "_sample=" not in line]
    header = next(line for line in lines if line.startswith("#CHROM")).split("\t")
    normal = header.index(sheet[0]["normal_sample"])
    for row in sheet:
        at = header.index(row["sample"])
        own = [*meta, f"##tumor_sample={row['sample']}", f"##normal_sample={header[normal]}"]
        own.append("\t".join([*header[:9], row["sample"], header[normal]]))
        for line in lines:
            fields = line.split("\t")
            if line.startswith("#"):
                continue
            depths = fields[at].split(":")[fields[8].split(":").index("AD")].split(",")
            if depths[1].isdigit() and int(depths[1]) >= LEAST_READS:
                own.append("\t".join([*fields[:9], fields[at], fields[normal]]))
        with gzip.open(folder / f"{row['sample']}.mutect2.filtered.vcf.gz", "wt", encoding="utf-8") as out:
            out.write("\n".join(own) + "\n")
        first, *segments = (made / row["cn_segments"]).read_text(encoding="utf-8").splitlines()
        assert first.split("\t")[0] == "sample"
        own = [first, *(line for line in segments if line.split("\t")[0] == row["sample"])]
        (folder / f"{row['sample']}.segments.txt").write_text("\n".join(own) + "\n", encoding="utf-8")
    return {row["sample"]: (row["site"], row["site_type"]) for row in sheet}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, tuple[str, str]]]:
    """A folder with the callers' files in data/, and what the sheet must say of them."""
    top = tmp_path_factory.mktemp("user")
    simulated = simulate_patient(settings_from_text(None, SMALL), rng=np.random.default_rng(5))
    write_simulated_patient(simulated, top / "made")
    return top, caller_folder(top / "data", top / "made")


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
