"""Genotyping on alignments made here: qualities, duplicates, overlapping mates, indels, contig names, missing files."""

from __future__ import annotations

from pathlib import Path

import pysam
import pytest
from io_files import write_table, write_vcf

from phylometa.errors import InputError
from phylometa.io.genotype import _event, genotype_patient
from phylometa.io.tables import read_patient

GENOME = ("ACGTTGCAAC" * 20)[:200]


def segment(
    name: str, start: int, *, bases: dict[int, str] | None = None, cigar: str = "20M", **options: int
) -> pysam.AlignedSegment:
    """A read of 20 reference bases from `start` (0-based) with some bases changed (by position in the read)."""
    read = pysam.AlignedSegment()
    read.query_name, read.reference_id, read.reference_start = name, 0, start
    read.cigarstring = cigar
    read.mapping_quality = options.get("mapq", 60)
    read.flag = options.get("flag", 0)
    query, reference = [], start
    for operation, length in read.cigartuples:
        if operation == 0:
            query += GENOME[reference : reference + length]
            reference += length
        elif operation == 1:
            query += "G" * length
        elif operation == 2:
            reference += length
        elif operation == 4:
            query += "T" * length
    for at, base in (bases or {}).items():
        query[at] = base
    read.query_sequence = "".join(query)
    read.query_qualities = pysam.qualitystring_to_array(chr(33 + options.get("quality", 30)) * len(query))
    return read


def write_alignments(
    path: Path, reads: list[pysam.AlignedSegment], *, contig: str = "chr1", index: bool = True
) -> None:
    header = {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": [{"SN": contig, "LN": 200}]}
    mode = "wc" if path.suffix == ".cram" else "wb"
    options = {"reference_filename": str(path.parent / "ref.fa")} if mode == "wc" else {}
    with pysam.AlignmentFile(str(path), mode, header=header, **options) as out:
        for read in sorted(reads, key=lambda read: read.reference_start):
            out.write(read)
    if index:
        pysam.index(str(path))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ref.fa").write_text(f">chr1\n{GENOME}\n")
    pysam.faidx(str(tmp_path / "ref.fa"))
    records = [
        "1 51 . A T . PASS . AD 5,5",  # SNV at 0-based 50
        "1 61 . AC TG . PASS . AD 5,5",  # MNP at 60
        "1 71 . A AGG . PASS . AD 5,5",  # insertion after 70
        "1 81 . ACG A . PASS . AD 5,5",  # deletion of 81, 82
        "1 191 . A T . PASS . AD 5,5",  # not covered
    ]
    write_vcf(tmp_path / "a.vcf", records, samples=("S1",))
    write_vcf(tmp_path / "b.vcf", ["1 51 . A T . PASS . AD 2,2"], samples=("S2",))
    write_table(
        tmp_path / "s.tsv", "patient sample site vcf bam", "P S1 a a.vcf _", "P S2 b b.vcf x.bam", "P S3 c b.vcf x.bam"
    )
    (tmp_path / "s.tsv").write_text((tmp_path / "s.tsv").read_text().replace("P\tS3\tc\tb.vcf\tx.bam\n", ""))
    return tmp_path


def reads() -> list[pysam.AlignedSegment]:
    return [
        segment("ref", 45),
        segment("alt", 45, bases={5: "T"}),
        segment("other", 45, bases={5: "G"}),
        segment("duplicate", 45, bases={5: "T"}, flag=0x400),
        segment("secondary", 45, bases={5: "T"}, flag=0x100),
        segment("supplementary", 45, bases={5: "T"}, flag=0x800),
        segment("failed", 45, bases={5: "T"}, flag=0x200),
        segment("poor base", 45, bases={5: "T"}, quality=10),
        segment("poor place", 45, bases={5: "T"}, mapq=5),
        segment("mates", 45, bases={5: "T"}),
        segment("mates", 46, bases={4: "T"}, flag=0x80),
        segment("mates at odds", 45, bases={5: "T"}, quality=20),
        segment("mates at odds", 46, quality=40, flag=0x80),
        segment("equal mates", 45, bases={5: "T"}),
        segment("equal mates", 46, flag=0x80),
        segment("clipped", 48, bases={5: "T"}, cigar="3S17M"),
        segment("mnp", 56, bases={4: "T", 5: "G"}),
        segment("half mnp", 56, bases={4: "T"}),
        segment("no mnp", 56),
        segment("insertion", 65, cigar="6M2I12M"),
        segment("longer insertion", 65, cigar="6M3I11M"),
        segment("no insertion", 65),
        segment("ends at the base", 51),
        segment("deletion", 75, cigar="6M2D14M"),
        segment("longer deletion", 75, cigar="6M3D14M"),
        segment("no deletion", 75),
        segment("spliced", 30, cigar="10M30N10M"),
    ]


def test_alleles_are_counted_once_a_fragment(folder: Path) -> None:
    write_alignments(folder / "x.bam", reads())
    before = read_patient(folder / "s.tsv")
    assert before.mutations.observed[:, 1].tolist() == [True, False, False, False, False]
    patient = genotype_patient(folder / "s.tsv", fasta=folder / "ref.fa")
    mutations = patient.mutations
    # what a caller reported stays; the others come from the alignments
    assert mutations.depth[:, 0].tolist() == [10, 10, 10, 10, 10]
    assert mutations.alt_counts[:, 1].tolist() == [2, 1, 1, 1, 0]
    assert mutations.observed[:, 1].tolist() == [True, True, True, True, False]
    entry = next(entry for entry in patient.provenance if entry["reader"] == "genotype")
    # at the SNV: ref and the better of the mates at odds; alt, mates and clipped; neither other nor equal mates
    assert entry["cells_compared"] == 1 and entry["cells_filled"] == 3
    assert entry["median_vaf_difference"] == pytest.approx(abs(3 / 5 - 0.5), abs=1e-6)
    # MNP: one read has it, nine fragments the reference, half of it is neither. Insertion: one, and five without that
    # reach beyond it. Deletion: one, and the two that reach beyond its end.
    assert mutations.depth[1:4, 1].tolist() == [10, 6, 3]
    assert any("sample S1: no alignment file" in sentence for sentence in patient.warnings)
    assert not any("phylometa genotype" in sentence for sentence in patient.warnings)


def test_cram_and_other_contig_names(folder: Path) -> None:
    write_alignments(folder / "x.bam", reads())
    expected = genotype_patient(folder / "s.tsv", fasta=folder / "ref.fa").mutations.depth.tolist()
    write_alignments(folder / "x.cram", reads())
    (folder / "s.tsv").write_text((folder / "s.tsv").read_text().replace("x.bam", "x.cram"))
    assert genotype_patient(folder / "s.tsv", fasta=folder / "ref.fa").mutations.depth.tolist() == expected


def test_errors(folder: Path) -> None:
    sheet, fasta = folder / "s.tsv", folder / "ref.fa"
    write_alignments(folder / "x.bam", reads(), index=False)
    with pytest.raises(InputError, match=r"x\.bam: has no index"):
        genotype_patient(sheet, fasta=fasta)
    write_alignments(folder / "x.bam", reads(), contig="scaffold_1")
    with pytest.raises(InputError, match=r"x\.bam: contig names never match those of the mutations: scaffold_1"):
        genotype_patient(sheet, fasta=fasta)
    (folder / "x.bam").write_bytes(b"no alignments here")
    with pytest.raises(InputError, match=r"x\.bam: cannot be read as BAM or CRAM"):
        genotype_patient(sheet, fasta=fasta)
    with pytest.raises(InputError, match="cannot be read as an indexed FASTA"):
        genotype_patient(sheet, fasta=folder / "none.fa")
    sheet.write_text(sheet.read_text().replace("x.bam", ""))
    with pytest.raises(InputError, match="column bam: patient P: no row names an alignment file"):
        genotype_patient(sheet, fasta=fasta)


def test_another_genome_is_noticed(folder: Path) -> None:
    write_alignments(folder / "x.bam", reads())
    (folder / "ref.fa").write_text(f">chr1\n{GENOME[1:]}A\n")
    pysam.faidx(str(folder / "ref.fa"))
    patient = genotype_patient(folder / "s.tsv", fasta=folder / "ref.fa")
    assert any("the reference allele differs at 5 mutations" in sentence for sentence in patient.warnings)


def test_events_in_both_notations() -> None:
    for alleles, expected in (
        ((10, "A", "T"), (10, "A", "T", "", 0)),
        ((10, "AC", "GT"), (10, "AC", "GT", "", 0)),
        ((10, "A", "AGG"), (10, "", "", "GG", 0)),
        ((10, "ACG", "A"), (10, "", "", "", 2)),
        ((10, "CAT", "CAGGT"), (11, "", "", "GG", 0)),
        ((10, "-", "GG"), (10, "", "", "GG", 0)),
        ((11, "CG", "-"), (10, "", "", "", 2)),
    ):
        event = _event(*alleles)
        assert event is not None
        assert (event.start, event.ref, event.alt, event.inserted, event.n_deleted) == expected
    assert _event(10, "ACG", "TT") is None
    assert _event(0, "A", "-") is None


def test_contexts_of_substitutions(folder: Path) -> None:
    patient = read_patient(folder / "s.tsv", fasta=folder / "ref.fa")
    assert patient.mutations.contexts == ("CAC", "", "", "", "CAC")
    (folder / "ref.fa").write_text(f">1\n{GENOME[1:]}A\n")
    pysam.faidx(str(folder / "ref.fa"))
    patient = read_patient(folder / "s.tsv", fasta=folder / "ref.fa")
    assert set(patient.mutations.contexts) == {""}
    assert any("the reference base differs at 2 mutations" in sentence for sentence in patient.warnings)
