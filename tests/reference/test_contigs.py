"""Contigs: one name whatever the spelling, by species; what is no chromosome."""

from __future__ import annotations

import pytest

from phylometa.reference.contigs import (
    contig_fault,
    contig_lookup,
    contig_name,
    genome_of,
    genome_of_contigs,
    is_chromosome,
)


@pytest.mark.parametrize(
    ("contig", "genome", "name"),
    [
        ("chr1", "human", "1"),
        ("01", "human", "1"),
        ("Chr7", "human", "7"),
        ("chr_7", "human", "7"),
        ("23", "human", "X"),
        ("chr24", "human", "Y"),
        ("25", "human", "MT"),
        ("chrx", "human", "X"),
        ("chrXp11.23", "human", "X"),
        ("17q21.31", "human", "17"),
        ("1p", "human", "1"),
        ("NC_000017.11", "human", "17"),
        ("NC_000024.10", "human", "Y"),
        ("NC_012920.1", "human", "MT"),
        ("chrM", "dog", "MT"),
        ("23", "dog", "23"),
        ("chr39", "dog", "X"),
        ("20", "mouse", "X"),
        ("chr21", "mouse", "Y"),
        ("19", "mouse", "19"),
        ("chr21", "rat", "X"),
        ("40", "other", "40"),
        ("scaffold_12", "human", "scaffold_12"),
        ("chr", "human", "chr"),
    ],
)
def test_names(contig: str, genome: str, name: str) -> None:
    assert contig_name(contig, genome) == name


@pytest.mark.parametrize(
    ("text", "genome"),
    [
        ("GRCh38", "human"),
        ("hg19", "human"),
        ("T2T-CHM13", "human"),
        ("mm10", "mouse"),
        ("GRCm39", "mouse"),
        ("CanFam3.1", "dog"),
        ("Canis lupus familiaris", "dog"),
        ("rn6", "rat"),
        ("axolotl", ""),
        ("", ""),
    ],
)
def test_assemblies(text: str, genome: str) -> None:
    assert genome_of(text) == genome


def test_what_is_no_chromosome() -> None:
    for contig, fault in {
        "hs37d5": "decoy contig",
        "chrUn_KN707606v1_decoy": "decoy contig",
        "chr6_GL000256v2_alt": "alternative contig",
        "HLA-A*01:01:01:01": "alternative contig",
        "chr4_KI270790v1_fix": "alternative contig",
        "GL000192.1": "unplaced contig",
        "chr1_KI270706v1_random": "unplaced contig",
        "chrUn_JH373233": "unplaced contig",
        "chrEBV": "viral contig",
        "NC_007605": "viral contig",
    }.items():
        assert contig_fault(contig) == fault, contig
    for contig in ("1", "chrX", "chrM", "NC_000001.11", "17q21.31", "chr38"):
        assert contig_fault(contig) == "", contig


def test_chromosomes_of_a_species() -> None:
    assert is_chromosome("38", "dog") and not is_chromosome("23", "human") and is_chromosome("X", "mouse")
    assert not is_chromosome("scaffold_12", "human")
    assert genome_of_contigs(["chr1", "chr38"]) == "dog" and genome_of_contigs(["chr1", "23"]) == ""


def test_look_up_prefers_the_same_spelling() -> None:
    dog = contig_lookup([f"chr{i}" for i in range(1, 39)] + ["chrX"])
    assert (dog("chr23"), dog("23"), dog("X"), dog("99")) == ("chr23", "chr23", "chrX", None)
    human = contig_lookup(["1", "X"])
    assert (human("chr1"), human("23"), human("chrX")) == ("1", "X", "X")
