"""What names and cells may hold: nothing that a spreadsheet computes or a terminal turns round."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phylometa.errors import InputError, environment_cause
from phylometa.io.convert import convert_format
from phylometa.io.sheet import is_name
from phylometa.io.tables import read_patient
from phylometa.io.tsv import read_tsv, write_tsv
from phylometa.io.vcf_header import SampleRequest, VcfHeader, match_columns

TEXT = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1)


@given(st.lists(TEXT | st.sampled_from(["=1+1", "-x", "'=1", "''@", "+", "@a"]), min_size=1, max_size=4))
def test_every_cell_comes_back_and_none_is_a_formula(tmp_path_factory, cells):
    path = tmp_path_factory.mktemp("cells") / "t.tsv"
    write_tsv(path, ["a", "n"], [[cell, -1.5] for cell in cells])
    assert [row["a"] for row in read_tsv(path)] == cells
    assert all(row["n"] == "-1.5" for row in read_tsv(path))
    for line in path.read_text(encoding="utf-8").split("\n")[1:]:
        assert not line.lstrip('"').startswith(("=", "+", "-", "@"))


def test_tables_for_readers_of_input_stay_as_they_are(tmp_path):
    write_tsv(tmp_path / "t.tsv", ["sample"], [["-1"]], is_input=True)
    assert (tmp_path / "t.tsv").read_text() == "sample\n-1\n"


@pytest.mark.parametrize(
    "name", ["P\u202ex", "a\u2066b", "\u200fx", "a\x85b", "a\x1bb", "a\u2028b", "\ufeffP", "a/b", ".a"]
)
def test_names_that_read_as_another_are_refused(name):
    assert not is_name(name)


@pytest.mark.parametrize("name", ["P01", "lymph node 2", "Müller", "左肺", "רשת", "a-b", "می\u200cخواهم"])
def test_names_of_any_script_are_names(name):
    assert is_name(name)


@pytest.mark.parametrize("target", ["machina", "mach2"])
def test_a_name_with_a_blank_is_refused_where_blanks_separate(target, tmp_path):
    (tmp_path / "x.tree").write_text("R\tA\n")
    (tmp_path / "x.labeling").write_text("R\tP\nA\tleft lung\n")
    with pytest.raises(InputError, match="'.*left lung'.*blanks separate the columns"):
        convert_format(tmp_path / "x.tree", tmp_path / "y.tree", source="mach2", target=target)


COUNTS = "mutation_id\tsample_id\tref_counts\talt_counts\tgene\n" + "".join(
    f"m{i}\t{name}\t50\t{40 + i}\tTP53\n" for i in range(3) for name in ("A", "B")
)


def patient(tmp_path, dates=("", ""), **tables):
    (tmp_path / "c.tsv").write_text(COUNTS)
    rows = "".join(f"P\t{name}\t{site}\tc.tsv\t0.8\t{dates[0]}\t{dates[1]}\n" for name, site in ("Ax", "By"))
    head = "patient\tsample\tsite\tcounts\tpurity\tcollection_date\tdiagnosis_date\n"
    (tmp_path / "s.tsv").write_text(head + rows)
    given = {}
    for name, text in tables.items():
        (tmp_path / name).write_text(text)
        given[name] = tmp_path / name
    return " | ".join(read_patient(tmp_path / "s.tsv", primary="x", **given).warnings)


def test_clinical_rows_of_nobody_are_said(tmp_path):
    rows = "patient\tkind\tstart\nP01\tchemo\t2020-01-01\n"
    assert "P01 are no patients of the sheet: their rows are not used" in patient(tmp_path, treatments=rows)
    assert "no patients" not in patient(tmp_path, treatments=rows.replace("P01", "P"))
    rows = "patient\tsite\tdate\tdiameter_cm\nQ\tx\t2020-01-01\t3\n"
    assert "Q are no patients of the sheet" in patient(tmp_path, lesions=rows)


def test_driver_genes_that_no_mutation_names_are_said(tmp_path):
    assert "none of the 1 driver genes" in patient(tmp_path, genes="ENSG00000141510\n")
    assert "driver genes" not in patient(tmp_path, genes="TP53\n")


@pytest.mark.parametrize(
    ("dates", "is_odd"),
    [
        (("2010-01-01", "2020-01-01"), True),
        (("2020-01-01", "2020-02-01"), False),
        (("2021-01-01", "2020-01-01"), False),
    ],
)
def test_a_diagnosis_long_after_sampling_is_said(dates, is_odd, tmp_path):
    assert ("years before the diagnosis" in patient(tmp_path, dates)) == is_odd


def test_a_tumour_that_the_header_calls_the_normal_is_said():
    header = VcfHeader(columns=("T", "N"), tumors=("T",), normals=("N",))
    assert match_columns(header, [SampleRequest("A", ("N",), True, "")], "x.vcf") == [1]
    assert "##normal_sample" in header.warnings[0] and "column N is read as tumour A" in header.warnings[0]
    header.warnings.clear()
    match_columns(header, [SampleRequest("A", ("T",), True, "")], "x.vcf")
    assert not header.warnings


def test_causes_in_the_environment_are_words():
    for number in (28, 30, 13, 122, 5, 24, 12, 36, 32, 9):
        text = environment_cause(OSError(number, "x", "out/file"))
        assert text.startswith("out/file: ") and "Errno" not in text and len(text) > 20
    assert "memory" in environment_cause(MemoryError())
