"""Kinds of samples in a sheet: words, what a kind needs, kinds taken as a site."""

import pytest
from io_files import write_table, write_vcf

from phylometa.config import ReadSettings
from phylometa.errors import InputError
from phylometa.io.sheet import parse_sheet
from phylometa.io.tables import read_patient

CALLS = ["1 10 . A T . PASS . AD 60,40 50,30 90,2", "1 20 . A T . PASS . AD 60,40 50,30 90,3"]
WORDS = {
    "ctdna": ("ctDNA", "plasma", "cfDNA", "cf-DNA", "liquid_biopsy"),
    "ctc": ("CTC", "CTCs", "circulating tumor cells"),
    "ascites": ("ascites", "Pleural effusion"),
    "pdx": ("PDX", "xenograft"),
    "organoid": ("organoid", "PDO"),
}


def read(folder, header, *rows, **settings):
    write_vcf(folder / "x.vcf", CALLS, samples=("S1", "S2", "S3"))
    return read_patient(write_table(folder / "s.tsv", header, *rows), settings=ReadSettings(**settings))


@pytest.mark.parametrize(("kind", "word"), [(kind, word) for kind, words in WORDS.items() for word in words])
@pytest.mark.parametrize("column", ["kind", "sample_kind", "site_type"])
def test_words_for_kinds(tmp_path, kind, word, column):
    path = tmp_path / "s.tsv"
    path.write_text(f"patient\tsample\tsite\t{column}\nP\tS\tliver\t{word}\n")
    sheet, problems = parse_sheet(path, needs_source=False)
    assert not problems and sheet.rows[0].sample.kind == kind and sheet.rows[0].site_class is None
    assert any(f"{word} is taken as the kind {kind}" in text for text in sheet.warnings) == (column == "site_type")


def test_circulating_samples_need_no_site_and_make_none(tmp_path):
    rows = ("P S1 breast primary _ x.vcf", "P S2 _ _ plasma x.vcf", "P S3 _ _ ctc x.vcf")
    patient = read(tmp_path, "patient sample site site_type kind vcf", *rows)
    assert [sample.kind for sample in patient.samples] == ["tissue", "ctdna", "ctc"]
    assert patient.site_names == ("breast",) and patient.sample_site.tolist() == [0, -1, -1]
    assert [sample.name for sample in patient.in_place.samples] == ["S1"]
    assert patient.in_place.mutations.alt_counts.tolist() == [[40], [40]]


def test_a_site_that_is_named_for_plasma_is_no_place(tmp_path):
    rows = ("P S1 breast primary _ x.vcf", "P S2 breast _ plasma x.vcf", "P S3 liver met _ x.vcf")
    patient = read(tmp_path, "patient sample site site_type kind vcf", *rows)
    assert patient.sample_site.tolist() == [0, -1, 1] and patient.samples[1].site == ""


def test_a_xenograft_counts_for_its_site_only_without_tissue(tmp_path):
    header = "patient sample site site_type kind grown_from vcf"
    rows = ("P S1 breast primary _ _ x.vcf", "P S2 liver met _ _ x.vcf", "P S3 _ _ pdx liver x.vcf")
    patient = read(tmp_path, header, *rows)
    assert patient.sample_site.tolist() == [0, 1, 1]
    assert [sample.name for sample in patient.in_place.samples] == ["S1", "S2"]
    rows = ("P S1 breast primary _ _ x.vcf", "P S2 _ met organoid liver x.vcf", "P S3 _ _ cfdna _ x.vcf")
    patient = read(tmp_path, header, *rows)
    assert [sample.name for sample in patient.in_place.samples] == ["S1", "S2"]
    assert any("liver: known by what was grown from it only" in text for text in patient.warnings)


def test_kinds_as_sites_if_asked(tmp_path):
    header = "patient sample site site_type kind vcf"
    rows = ("P S1 breast primary _ x.vcf", "P S2 peritoneum _ ascites x.vcf", "P S3 _ _ ctc x.vcf")
    patient = read(tmp_path, header, *rows, as_site=("ascites", "ctc"))
    assert patient.site_names == ("breast", "peritoneum", "ctc") and patient.in_place is patient
    assert any("as asked" in text and "circulating tumour cells" in text for text in patient.warnings)
    with pytest.raises(InputError, match="as_site: saliva is none of ctdna"):
        read(tmp_path, header, *rows, as_site=("saliva",))


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        ("patient sample site kind vcf", "P S1 liver blob x.vcf", "'blob' is none of tissue, ctdna"),
        ("patient sample site kind vcf", "P S1 _ pdx x.vcf", "name the site that the xenograft was grown from"),
        ("patient sample site kind vcf", "P S1 _ tissue x.vcf", "column site: is empty"),
        ("patient sample site kind grown_from vcf", "P S1 _ plasma liver x.vcf", "for xenografts and organoids"),
        ("patient sample site site_type kind vcf", "P S1 a pdx plasma x.vcf", "kind is plasma, but site_type says pdx"),
        ("patient sample vcf", "P S1 x.vcf", "site"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, header, row, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, header, row)
