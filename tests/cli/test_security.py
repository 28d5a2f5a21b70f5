"""Files and names from elsewhere cannot run code, leave the output directory, or fill the memory."""

from __future__ import annotations

import gzip
import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

import plot_results
import pytest
from io_files import RECORDS, write_vcf

from phylometa.cli import _invoke
from phylometa.cli.options import other_package_of_our_name
from phylometa.cohort.job import COHORT_FILES, MAX_NAME_BYTES, Outcome, patient_directory
from phylometa.cohort.run import write_cohort
from phylometa.config import ReadSettings, load_settings
from phylometa.errors import InputError
from phylometa.io import files
from phylometa.io.documents import read_json
from phylometa.io.files import expansion_limit, open_text
from phylometa.io.ownership import MARK, remove_leftovers, replace_directory
from phylometa.io.tables import read_patient
from phylometa.io.tsv import read_tsv
from phylometa.pipeline.stages import load_result
from phylometa.plots import save_figures
from phylometa.report import cohort_index_html

# --- what stands in the files that are read


def test_documents_with_payloads_are_data(tmp_path):
    """YAML tags, pickles and code in the files that are read are text or an error, never run."""
    marker = tmp_path / "ran"
    payload = f"__import__('pathlib').Path({str(marker)!r}).touch()"
    pickled = b"\x80\x04c" + b"os\nsystem\n" + b"X\x04\x00\x00\x00true\x85R."
    (tmp_path / "settings.toml").write_text(f"seed = {payload}\n")
    (tmp_path / "labels.json").write_bytes(pickled)
    (tmp_path / "samples.tsv").write_text(f"patient\tsample\tsite\tcounts\n{{{{ {payload} }}}}\tS\tx\tcounts.tsv\n")
    (tmp_path / "counts.tsv").write_bytes(pickled)
    for read, name in ((load_settings, "settings.toml"), (read_json, "labels.json"), (read_patient, "samples.tsv")):
        with pytest.raises(InputError):
            read(tmp_path / name)
    assert not marker.exists()


# --- names and paths


BAD_NAMES = {
    "up": "../x",
    "far up": "../../../../etc/x",
    "absolute": "/abs",
    "below": "a/b",
    "backslash": "..\\x",
    "dots": "..",
    "dot": ".",
    "hidden": ".x.partial-1",
    "NUL": "a\0b",
    "newline": "a\nb",
    "escape": "a\x1b[2Jb",
    "empty": "",
}


@pytest.mark.parametrize(
    ("column", "name"),
    [
        pytest.param(column, name, id=f"{column}-{kind}")
        for column in ("patient", "sample", "site")
        for kind, name in BAD_NAMES.items()
        if (column, name) != ("site", "a/b")  # a site names no file: a slash may be in it
    ],
)
def test_names_that_are_paths_are_refused_in_the_sheet(column, name, tmp_path, capsys):
    write_vcf(tmp_path / "calls.vcf", RECORDS)
    row = {"patient": "P", "sample": "S1", "site": "colon", "vcf": "calls.vcf", column: name}
    text = "\t".join(row) + "\n" + "\t".join(f'"{value}"' for value in row.values()) + "\n"
    (tmp_path / "samples.tsv").write_bytes(text.encode())
    inside = tmp_path / "cohort" / "results"
    assert _invoke(["run", str(tmp_path / "samples.tsv"), "-o", str(inside)]) == 3
    assert "error" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["calls.vcf", "samples.tsv"]


@pytest.mark.parametrize(
    "name", [*BAD_NAMES.values(), "cohort.tsv", "Index.html", "x" * (MAX_NAME_BYTES + 1), "é" * 101]
)
def test_no_name_leads_out_of_the_output_directory(name, tmp_path):
    if name in ("a\nb", "a\x1b[2Jb"):
        assert patient_directory(tmp_path, name).parent == tmp_path  # the sheet refuses them; as paths they stay inside
        return
    with pytest.raises(InputError, match="cannot name a directory"):
        patient_directory(tmp_path, name)


@pytest.mark.parametrize("name", ["P01", "CON", "a b", "-rf", "~", "$HOME", "%2e%2e", "x" * MAX_NAME_BYTES, "Å‮ł"])
def test_odd_names_that_are_harmless_stay_inside(name, tmp_path):
    target = patient_directory(tmp_path, name)
    with replace_directory(target) as partial:
        (partial / "file").write_text("x")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert target.resolve().parent == tmp_path.resolve()


def test_a_cohorts_own_files_are_the_names_a_patient_cannot_have(tmp_path):
    summary = {"patient": "A", "labels": {}, "migration_graph": [], "timing": {}, "warnings": []}
    write_cohort([Outcome("A", "done", summary=summary)], tmp_path, seed=1)
    assert {path.name for path in tmp_path.iterdir()} <= COHORT_FILES


def test_simulated_patients_cannot_be_named_out_of_their_directory(tmp_path):
    for name in ("../x", "a/b", "/abs"):
        for patients in ("1", "2"):
            arguments = ["simulate", "-o", str(tmp_path / "out"), "--preset", "panel", "--patients", patients]
            assert _invoke([*arguments, "--set", f"patient={name}", "--set", "cn_caller=battenberg"]) == 3
    assert list(tmp_path.iterdir()) == []


def test_a_patients_directory_that_is_a_link_is_replaced_not_followed(tmp_path):
    outside, results = tmp_path / "outside", tmp_path / "results"
    outside.mkdir()
    (outside / "precious").write_text("kept")
    results.mkdir()
    (results / "P").symlink_to(outside)
    (results / "Q").symlink_to(tmp_path / "nowhere")
    for name in ("P", "Q"):
        with replace_directory(results / name) as partial:
            (partial / "file").write_text("new")
        assert not (results / name).is_symlink()
        assert sorted(path.name for path in (results / name).iterdir()) == ["file", "manifest.json"]
    assert (outside / "precious").read_text() == "kept"
    assert not (tmp_path / "nowhere").exists()
    assert sorted(path.name for path in results.iterdir()) == ["P", "Q"]


def test_cleaning_up_does_not_follow_links(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("kept")
    results = tmp_path / "results"
    results.mkdir()
    (results / ".P.partial-abc").symlink_to(outside)
    inner = results / ".Q.partial-abc"
    inner.mkdir()
    (inner / MARK).write_text("Q")
    (inner / "link").symlink_to(outside)
    remove_leftovers(results)
    assert (outside / "precious").read_text() == "kept"
    assert not inner.exists()


# --- decompression and depth


def bomb(path: Path, n_bytes: int, head: bytes = b"") -> Path:
    """A gzip file of `head` and then blanks: a thousandth of what it decompresses to."""
    block = b" " * (1 << 20)
    with gzip.open(path, "wb", compresslevel=9) as handle:
        handle.write(head)
        for _ in range(n_bytes >> 20):
            handle.write(block)
    return path


@pytest.fixture
def small_allowance(monkeypatch):
    """Any file may decompress to a megabyte, instead of 128."""
    monkeypatch.setattr(files, "FREE_BYTES", 1 << 20)


def test_a_decompression_bomb_is_an_error_that_names_the_setting(small_allowance, tmp_path):
    path = bomb(tmp_path / "calls.vcf.gz", 16 << 20, b"##fileformat=VCFv4.2\n")
    assert path.stat().st_size < (16 << 20) / 500
    (tmp_path / "samples.tsv").write_text("patient\tsample\tsite\tvcf\nP\tS\tliver\tcalls.vcf.gz\n")
    words = r"calls\.vcf\.gz: decompresses to more than 200 times its size.*max_expansion"
    with pytest.raises(InputError, match=words):
        read_patient(tmp_path / "samples.tsv")
    with pytest.raises(InputError, match="decompresses to more than 200 times"):
        list(read_tsv(path))


def test_the_limit_can_be_raised(small_allowance, tmp_path):
    path = bomb(tmp_path / "table.gz", 16 << 20)
    with expansion_limit(5000.0):
        assert sum(len(line) for line in open_text(path, "bomb")) == 16 << 20
    (tmp_path / "settings.toml").write_text("[read]\nmax_expansion = 5000\n")
    assert load_settings(tmp_path / "settings.toml").read.max_expansion == 5000.0
    with pytest.raises(InputError, match="200 times"):  # and only within the block
        sum(len(line) for line in open_text(path, "bomb"))


def test_the_setting_reaches_the_reader(monkeypatch, tmp_path):
    """A small file, with the free allowance taken away."""
    monkeypatch.setattr(files, "FREE_BYTES", 1000)
    lines = ["##fileformat=VCFv4.2", *["##filler=" + "x" * 500] * 200]
    lines += ["\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", "S"])]
    lines += ["\t".join(["1", "100", ".", "A", "T", ".", "PASS", ".", "AD", "30,10"])]
    (tmp_path / "calls.vcf.gz").write_bytes(gzip.compress("\n".join([*lines, ""]).encode()))
    (tmp_path / "samples.tsv").write_text("patient\tsample\tsite\tvcf\nP\tS\tliver\tcalls.vcf.gz\n")
    with pytest.raises(InputError, match=r"more than 20 times"):
        read_patient(tmp_path / "samples.tsv", settings=ReadSettings(max_expansion=20.0))
    assert read_patient(tmp_path / "samples.tsv", settings=ReadSettings(max_expansion=1e4)).mutations.n_mutations == 1


def test_a_bcf_that_expands_is_refused_too(monkeypatch, tmp_path):
    import pysam

    header = pysam.VariantHeader()
    header.add_line('##FORMAT=<ID=AD,Number=R,Type=Integer,Description="x">')
    header.add_line("##contig=<ID=1,length=100000>")
    header.add_sample("S")
    with pysam.VariantFile(str(tmp_path / "calls.bcf"), "wb", header=header) as out:
        for position in range(3000):
            record = out.new_record(contig="1", start=position, alleles=("A", "T"), filter="PASS")
            record.samples["S"]["AD"] = (30, 10)
            out.write(record)
    (tmp_path / "samples.tsv").write_text("patient\tsample\tsite\tvcf\nP\tS\tliver\tcalls.bcf\n")
    assert read_patient(tmp_path / "samples.tsv").mutations.n_mutations == 3000
    monkeypatch.setattr(files, "FREE_BYTES", 1000)
    with pytest.raises(InputError, match=r"calls\.bcf: decompresses to more than 2 times"):
        read_patient(tmp_path / "samples.tsv", settings=ReadSettings(max_expansion=2.0))


def test_documents_nested_too_deeply_are_errors(tmp_path):
    deep = "[" * 200_000
    (tmp_path / "cases.json").write_text(deep)
    (tmp_path / "settings.toml").write_text(f"a = {deep}")
    with pytest.raises(InputError, match="not valid JSON"):
        read_json(tmp_path / "cases.json")
    with pytest.raises(InputError, match="not valid TOML"):
        load_settings(tmp_path / "settings.toml")
    assert _invoke(["seeding", str(tmp_path / "cases.json"), "-o", str(tmp_path / "out.json")]) == 3


# --- results of others


def test_a_result_directory_of_another_is_only_read(small_run, tmp_path):
    """Loading follows fixed file names: paths written into the results are not opened."""
    copy = tmp_path / "SMALL"
    shutil.copytree(small_run, copy)
    secret = tmp_path / "secret"
    secret.write_text("secret")
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["inputs"] = [{"file": str(secret), "sha256": "0" * 64}]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    secret.chmod(0)
    before = secret.stat().st_atime_ns
    load_result(copy)
    assert secret.stat().st_atime_ns == before


# --- the pages and pictures


class Elements(HTMLParser):
    """Elements of a page or picture with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def assert_inert(text: str, *, scripts: int) -> None:
    """No handler, no image from a name, no script beyond the page's own."""
    elements = Elements(text).found
    assert [tag for tag, _ in elements].count("script") == scripts
    handlers = [(tag, name) for tag, attributes in elements for name in attributes if name.startswith("on")]
    assert not handlers
    sources = [str(attributes.get("src", attributes.get("href", "#"))) for _, attributes in elements]
    assert not [source for source in sources if source.lower().startswith(("javascript:", "http:", "x"))]


@pytest.mark.system
def test_names_are_text_in_the_report(page_of):
    assert_inert(page_of("malicious"), scripts=2)  # the evidence and the page's own


@pytest.mark.system
def test_names_are_text_in_every_figure(tmp_path):
    figures = save_figures(plot_results.malicious(), tmp_path, formats=("svg",), dpi=36)
    assert len(figures) > 8
    for path in figures:
        assert_inert(path.read_text(encoding="utf-8"), scripts=0)


def test_names_and_reasons_are_text_on_the_cohorts_page():
    payloads = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'><svg onload=alert(1)>", "{{7*7}}")
    outcomes = [Outcome(name, "failed", name, 3) for name in payloads]
    page = cohort_index_html(outcomes, frequencies=[], routes=[])
    assert_inert(page, scripts=page.count("<script nonce") or Elements(page).found.count(("script", {})))
    assert "<img" not in page and "onload=alert(1)>" not in page
    assert "{{7*7}}" in page


# --- another project's package of our name


@pytest.mark.parametrize(
    ("metadata", "version"),
    [
        (b"Metadata-Version: 2.1\nName: phylometa\nVersion: 0.1.0\nSummary: Trees of samples\n", "0.1.0"),
        (b"Metadata-Version: 2.1\nName: phylometa\n", "of an unknown version"),
        (b"\xff\xfe\n", "of an unknown version"),
        (None, "of an unknown version"),
    ],
)
def test_another_package_of_our_name_is_noticed_whatever_describes_it(metadata, version, tmp_path, monkeypatch):
    info = tmp_path / "phylometa-0.1.0.dist-info"
    info.mkdir()
    if metadata is not None:
        (info / "METADATA").write_bytes(metadata)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert f"another project's package phylometa {version} is in this environment" in other_package_of_our_name()


def test_our_own_package_is_no_stranger(tmp_path, monkeypatch):
    info = tmp_path / "phylometa-0.1.0.dist-info"
    info.mkdir()
    summary = "Clones, seeding routes and dissemination timing of metastatic cancer"
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: phylometa\nVersion: 0.1.0\nSummary: {summary}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert other_package_of_our_name() == ""
