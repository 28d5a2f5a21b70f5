"""The human autosomes and X (GRCh38), callable sizes by assay, and well-known driver genes."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CALLABLE_MB", "CHROMOSOMES", "Chromosome", "DRIVER_GENES"]

# Callable genome (Mb of diploid sequence) of an assay: a whole genome, an exome with its flanks, a large panel.
CALLABLE_MB = {"wgs": 2800.0, "wes": 45.0, "panel": 1.2}


@dataclass(frozen=True, slots=True)
class Chromosome:
    """Name, length (bp) and middle of the centromere (bp)."""

    name: str
    length: int
    centromere: int


# Lengths: GRCh38.p14 assembly report; centromeres: middle of the modelled centromere, to .1 Mb.
CHROMOSOMES = tuple(
    Chromosome(f"chr{name}", length, round(centromere * 1e6))
    for name, length, centromere in (
        ("1", 248956422, 123.4),
        ("2", 242193529, 93.9),
        ("3", 198295559, 90.9),
        ("4", 190214555, 50.0),
        ("5", 181538259, 48.8),
        ("6", 170805979, 59.8),
        ("7", 159345973, 60.1),
        ("8", 145138636, 45.2),
        ("9", 138394717, 43.0),
        ("10", 133797422, 39.8),
        ("11", 135086622, 53.4),
        ("12", 133275309, 35.5),
        ("13", 114364328, 17.7),
        ("14", 107043718, 17.2),
        ("15", 101991189, 19.0),
        ("16", 90338345, 36.8),
        ("17", 83257441, 25.1),
        ("18", 80373285, 18.5),
        ("19", 58617616, 26.2),
        ("20", 64444167, 28.1),
        ("21", 46709983, 12.0),
        ("22", 50818468, 15.0),
        ("X", 156040895, 61.0),
    )
)


# Gene -> (chromosome, first, last base; 1-based, GRCh38).
DRIVER_GENES = {
    "APC": ("chr5", 112707498, 112846239),
    "AR": ("chrX", 67544021, 67730619),
    "ARID1A": ("chr1", 26693236, 26782104),
    "ATM": ("chr11", 108222484, 108369102),
    "BAP1": ("chr3", 52401008, 52410008),
    "BRAF": ("chr7", 140719327, 140924929),
    "BRCA2": ("chr13", 32315086, 32400268),
    "CDK12": ("chr17", 39461511, 39564907),
    "CTNNB1": ("chr3", 41194741, 41260096),
    "EGFR": ("chr7", 55019017, 55211628),
    "FBXW7": ("chr4", 152320544, 152536092),
    "FOXA1": ("chr14", 37589552, 37596059),
    "KMT2C": ("chr7", 152134922, 152436644),
    "KMT2D": ("chr12", 49018978, 49060794),
    "KRAS": ("chr12", 25205246, 25250929),
    "NF1": ("chr17", 31094927, 31382116),
    "NOTCH1": ("chr9", 136494433, 136546048),
    "PBRM1": ("chr3", 52545352, 52685917),
    "PIK3CA": ("chr3", 179148114, 179240093),
    "PTEN": ("chr10", 87862638, 87971930),
    "RB1": ("chr13", 48303751, 48599436),
    "SETD2": ("chr3", 47016429, 47163967),
    "SMAD4": ("chr18", 51028394, 51085045),
    "SPOP": ("chr17", 49598884, 49678234),
    "STK11": ("chr19", 1205778, 1228431),
    "TP53": ("chr17", 7668421, 7687490),
}
