"""Small patients after situations that users report: what must come out of each comes out."""

import os
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
DATA = os.environ.get("PHYLOMETA_DATA")
FOLDER = Path(DATA or ".") / "field_cases"
if not BENCHMARKS.is_dir():
    pytest.skip("the benchmarks are not here", allow_module_level=True)
needs_data = pytest.mark.skipif(not DATA or not FOLDER.is_dir(), reason="needs PHYLOMETA_DATA with field_cases")
sys.path.insert(0, str(BENCHMARKS))

from field_cases import CASES  # noqa: E402
from make_field_cases import KINDS, make_set  # noqa: E402

from phylometa.io.tables import read_patient  # noqa: E402

# Cases of which not all comes out, and why. `python benchmarks/field_cases.py` prints every check.
OPEN = {
    "purity_understated": "the wrong purity is named and widened; the levels of seven labels are capped for it",
}


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [
        pytest.param(name, marks=pytest.mark.xfail(strict=False, reason=OPEN[name]) if name in OPEN else ())
        for name in CASES
    ],
)
def test_what_must_come_out_of_a_field_case_comes_out(case):
    failed = [f"{check.demand}: {check.found}" for check in CASES[case](FOLDER / case, 1) if not check.holds]
    assert not failed, "\n".join(failed)


@needs_data
def test_every_case_of_the_folder_is_checked():
    folders = {path.parent.name for path in FOLDER.glob("*/samples.tsv")}
    assert folders == set(CASES)
    assert set(OPEN) <= set(CASES)


def test_made_cases_are_patients_of_their_kind(tmp_path):
    assert set(KINDS) == set(CASES)
    make_set(tmp_path / "a", 1, 0)
    make_set(tmp_path / "b", 1, 0)
    for kind in KINDS:
        files = sorted(path.name for path in (tmp_path / "a" / kind).iterdir())
        assert [(tmp_path / "a" / kind / name).read_bytes() for name in files] == [
            (tmp_path / "b" / kind / name).read_bytes() for name in files
        ]
        patient = read_patient(tmp_path / "a" / kind / "samples.tsv")
        assert patient.mutations.n_mutations >= {"onemut": 1, "dup_primary_as_met": 15}.get(kind, 25)
    clean, understated = (
        read_patient(tmp_path / "a" / kind / "samples.tsv") for kind in ("clean", "purity_understated")
    )
    assert (clean.mutations.alt_counts == understated.mutations.alt_counts).all()
    assert (clean.purity - understated.purity).round(3).tolist() == [0.3] * 4
    twice = read_patient(tmp_path / "a" / "dup_primary_as_met" / "samples.tsv").mutations
    assert (twice.alt_counts[:, 0] == twice.alt_counts[:, 2]).all()
    on_x = read_patient(tmp_path / "a" / "maleX_11" / "samples.tsv").mutations
    assert sum("X" in chrom for chrom in on_x.chroms) == 10
