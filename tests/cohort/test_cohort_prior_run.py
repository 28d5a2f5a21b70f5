"""`run --cohort-prior`: two passes, the same bytes for any number of processes, each patient with and without."""

import json

import pytest
from small_patients import QUICK, TINY, simulate_small, write_bare

from phylometa.cli import _invoke
from phylometa.pipeline.stages import load_result


def files_of(directory):
    skipped = {"run.log", "manifest.json"}
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name not in skipped and not path.name.startswith(".")
    }


@pytest.mark.system
def test_two_passes_and_any_number_of_processes(tmp_path, capsys):
    sheet = simulate_small(tmp_path / "cohort", patients=2, extra=TINY)
    made = []
    for jobs in ("1", "2"):
        out = tmp_path / f"out{jobs}"
        arguments = ["run", str(sheet), "-o", str(out), *QUICK, "--no-plots", "--jobs", jobs, "--cohort-prior"]
        assert _invoke(arguments) == 0
        made.append(files_of(out))
    assert made[0] == made[1]
    assert "cohort prior from 2 patients" in capsys.readouterr().err
    out = tmp_path / "out1"
    prior = json.loads((out / "cohort_prior.json").read_text())
    assert prior["n_patients"] == 2
    assert prior["acceleration"]["sigma"] == 0.0 and prior["acceleration"]["n_patients"] < 5
    patients = [path.parent for path in out.glob("*/summary.json")]
    assert len(patients) == 2
    for directory in patients:
        found = load_result(directory)
        assert found.settings.migration.cohort_between == prior["between"]
        if found.labels.without_prior is not None:
            header = (directory / "seeding/migrations.tsv").read_text().splitlines()[0]
            assert header.endswith("probability_without_prior")
            assert any("cohort prior" in text for text in found.warnings)


def test_one_patient_is_no_cohort(tmp_path, capsys):
    sheet = write_bare(tmp_path / "patient")
    arguments = ["run", str(sheet), "-o", str(tmp_path / "out"), *QUICK, "--no-plots", "--cohort-prior"]
    assert _invoke(arguments) == 0
    assert "no cohort prior" in capsys.readouterr().err
    assert not (tmp_path / "out/cohort_prior.json").exists()
    assert load_result(tmp_path / "out/B").labels.without_prior is None
