"""Names of contigs: what is one chromosome whatever its spelling, and what is no chromosome at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

__all__ = ["contig_fault", "contig_lookup", "contig_name", "genome_of", "genome_of_contigs", "is_chromosome"]

# Species to its number of autosomes: GRCh38 and T2T-CHM13, GRCm39, ROS_Cfam_1.0, mRatBN7.2.
AUTOSOMES = {"human": 22, "mouse": 19, "dog": 38, "rat": 20, "other": 99}
# Words of a sheet's column `genome` (lower case, without blanks and signs) that begin an assembly's name.
GENOMES = {
    "human": ("human", "homosapiens", "hg", "grch", "b37", "b38", "hs37", "hs38", "chm13", "t2t"),
    "mouse": ("mouse", "musmusculus", "mm", "grcm"),
    "dog": ("dog", "canislupusfamiliaris", "canfam", "roscfam", "uucfam", "canis"),
    "rat": ("rat", "rattusnorvegicus", "rn", "mratbn"),
}
# A number that a spreadsheet or data frame took for one: 17.0.
FLOAT = re.compile(r"(\d{1,2})\.0", re.ASCII)
BAND = re.compile(r"(\d{1,2}|X|Y)[pq]\d{0,2}(\.\d+)?", re.ASCII)
REFSEQ = re.compile(r"NC_0000(\d\d)\.\d+", re.ASCII)
MITOCHONDRIAL = frozenset(("M", "MT", "MTDNA", "MITO", "NC_012920.1", "NC_001807.4"))
NOT_A_CHROMOSOME = (
    (re.compile(r"_alt$|^HLA[-*]|_fix$|HSCHR|_hap\d+$", re.I), "alternative contig"),
    (re.compile(r"decoy|^hs37d5|^hs38d1|_JTFH|^KN70\d", re.I), "decoy contig"),
    (re.compile(r"^phi-?X(174)?$|^lambda$|^ERCC", re.I), "control sequence"),
    (re.compile(r"^EBV|^NC_007605|^chrEBV|HPV|HBV|HCV|_virus", re.I), "viral contig"),
    (re.compile(r"_random$|^(chr)?Un(_|$)|^(GL|KI|KB|NT_|NW_|JH|AAEX)\d", re.I), "unplaced contig"),
)


def genome_of(text: str) -> str:
    """Find the species of an assembly's name (``GRCh38``, ``mm10``, ``CanFam3.1``); '' if it is none that is known."""
    word = re.sub(r"[^a-z0-9]", "", text.lower())
    return next((name for name, words in GENOMES.items() if word and word.startswith(words)), "")


@lru_cache(maxsize=65536)
def contig_name(contig: str, genome: str = "human") -> str:
    """Name a contig for comparison: without ``chr`` and band, X and Y for the numbers after the autosomes, MT for M.

    Parameters
    ----------
    contig : str
        As in a file: ``chr17``, ``17``, ``17q21.31``, ``NC_000017.11``.
    genome : {"human", "mouse", "dog", "rat", "other"}

    Examples
    --------
    >>> contig_name("chr17"), contig_name("23"), contig_name("chrXp11.23"), contig_name("chrM")
    ('17', 'X', 'X', 'MT')
    >>> contig_name("chr23", "dog"), contig_name("chr20", "mouse"), contig_name("NC_000023.11")
    ('23', 'X', 'X')
    """
    name = contig.strip()
    name = name[3:].lstrip("_") if name[:3].lower() == "chr" and len(name) > 3 else name
    if band := BAND.fullmatch(name) or FLOAT.fullmatch(name):
        name = band.group(1)
    if genome == "human" and (accession := REFSEQ.fullmatch(name)):
        name = accession.group(1)
    if name.upper() in MITOCHONDRIAL:
        return "MT"
    if name.isascii() and name.isdigit() and len(name) <= 2:
        number, n_autosomes = int(name), AUTOSOMES.get(genome, 22)
        if n_autosomes < number <= n_autosomes + 3:
            return ("X", "Y", "MT")[number - n_autosomes - 1]
        return str(number)
    return name.upper() if len(name) <= 2 else name


def contig_fault(contig: str) -> str:
    """Say why a contig is no chromosome: alternative, decoy, viral or unplaced; '' if it may be one.

    Examples
    --------
    >>> contig_fault("hs37d5"), contig_fault("chr6_GL000256v2_alt"), contig_fault("chr6")
    ('decoy contig', 'alternative contig', '')
    """
    return next((what for pattern, what in NOT_A_CHROMOSOME if pattern.search(contig)), "")


def is_chromosome(name: str, genome: str = "human") -> bool:
    """Return whether `contig_name` gave an autosome, X, Y, W, Z or MT of the species."""
    if name.isascii() and name.isdigit():
        return 1 <= int(name) <= AUTOSOMES.get(genome, 22)
    return name in ("X", "Y", "W", "Z", "MT")


def genome_of_contigs(contigs: Iterable[str]) -> str:
    """Return ``dog`` if contigs are numbered beyond what a human genome can have; '' if the numbers do not tell."""
    numbers = [int(name) for name in map(contig_name, contigs) if name.isascii() and name.isdigit()]
    return "dog" if any(25 < number <= 38 for number in numbers) else ""


def contig_lookup(contigs: Sequence[str]) -> Callable[[str], str | None]:
    """Make a finder of contigs among those of an alignment or reference: spelled alike, else of the same name."""
    genome = genome_of_contigs(contigs) or "human"
    exact = frozenset(contigs)
    by_name = {contig_name(name, genome): name for name in reversed(contigs)}
    return lambda contig: contig if contig in exact else by_name.get(contig_name(contig, genome))
