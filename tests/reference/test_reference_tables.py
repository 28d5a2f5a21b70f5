"""The editable tables: look-up by alias and site, edited copies, broken copies."""

from __future__ import annotations

import pytest

from phylometa.errors import InputError
from phylometa.reference.tables import COLUMNS, acceleration_prior, doubling_time, expansion_years, read_reference_table


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_every_row_has_a_source(name):
    rows = read_reference_table(name)
    assert rows
    assert all(row["source"] for row in rows)


def test_acceleration_by_type():
    values = {
        kind: acceleration_prior(kind, median=5.0, sigma=0.4).median for kind in ("Ovarian", "HCC", "gbm", "lung", "")
    }
    assert values == {"Ovarian": 7.5, "HCC": 7.5, "gbm": 2.5, "lung": 5.0, "": 5.0}
    assert acceleration_prior("lung", median=3.0, sigma=0.1).source == "default of the settings"


def test_doubling_times_by_lesion():
    assert doubling_time("CRC", "liver", is_metastasis=True).days == 155
    assert doubling_time("crc", "lung-left", is_metastasis=True).days == 93
    assert doubling_time("crc", "lung-left", is_metastasis=True).sd_is_assumed
    assert doubling_time("renal", "kidney", is_metastasis=False).days == 468
    assert doubling_time("renal", "lung", is_metastasis=True).sd == 43
    assert doubling_time("renal", "liver", is_metastasis=True) is None
    assert doubling_time("", "liver", is_metastasis=True) is None


def test_expansion_years():
    assert [expansion_years(kind) for kind in ("breast", "colorectal", "lung", "sarcoma")] == [4.6, 5.2, 4.3, None]


def test_edited_copy_is_read(tmp_path):
    (tmp_path / "expansion_times.tsv").write_text("cancer_type\taliases\tyears\tsource\nsarcoma\t\t3\tmine\n")
    assert expansion_years("sarcoma", directory=str(tmp_path)) == 3
    assert expansion_years("breast", directory=str(tmp_path)) is None
    assert acceleration_prior("hcc", median=5.0, sigma=0.4, directory=str(tmp_path)).median == 7.5


def test_broken_copies_are_input_errors(tmp_path):
    path = tmp_path / "expansion_times.tsv"
    path.write_text("cancer_type\tyears\tsource\n")
    with pytest.raises(InputError, match="columns missing: aliases"):
        expansion_years("breast", directory=str(tmp_path))
    for value in ("long", "-2"):
        path.write_text(f"cancer_type\taliases\tyears\tsource\nbreast\t\t{value}\tx\n")
        with pytest.raises(InputError, match="row 2, column years"):
            expansion_years("breast", directory=str(tmp_path))
