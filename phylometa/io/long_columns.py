"""Columns of long tables: the names that PyClone-VI, MAF in its dialects, MACHINA and others give them."""

from __future__ import annotations

import re
from pathlib import Path

from phylometa.io.files import TableReader

__all__ = ["LONG_ALIASES", "PLACE_ID", "READ_COLUMNS", "dialect_of", "looks_long", "open_long_table"]

# Other names of a column (lower case). MAF: vcf2maf and GDC (t_ref_count), MesKit (Ref_allele_depth), PhylogicNDT
# (Start_position, Tumor_Seq_Allele, local_cn_a1); PyClone (var_counts).
LONG_ALIASES = {
    alias: name
    for name, aliases in {
        "mutation_id": "mutation mut_id variant_id",
        "sample_id": "sample sample_name tumor_sample_barcode tumour_sample_barcode tumor_sample tumour_sample",
        "ref_counts": "ref_count t_ref_count ref_allele_depth ref_reads n_ref",
        "alt_counts": "alt_count var_counts t_alt_count alt_allele_depth alt_reads var_reads n_alt",
        "depth": "t_depth total_counts total_reads dp total_depth wgs.depth",
        "vaf": "t_vaf tumor_vaf af wgs.vaf",
        "depth2": "val.depth",
        "vaf2": "val.vaf",
        "major_cn": "local_cn_a2",
        "minor_cn": "local_cn_a1",
        "total_cn": "copy_number copynumber",
        "tumour_content": "tumor_content purity",
        "gene": "hugo_symbol gene_symbol",
        "chrom": "chromosome chr contig",
        "pos": "position start_position startpos start",
        "ref": "reference_allele wt reference",
        "alt": "tumor_seq_allele2 tumor_seq_allele mt alternate alt_allele",
        "alt1": "tumor_seq_allele1",
        "ccf": "cancer_cell_fraction cellular_prevalence",
        "cluster": "cluster_id cluster.no",
        "status": "mutation_status",
        "context": "trinucleotide_context",
    }.items()
    for alias in aliases.split()
}
# MACHINA's tables of reads and of frequencies, where ref and var are reads, not alleles.
MACHINA_ALIASES = {
    "sample_label": "sample_id",
    "character_label": "mutation_id",
    "ref": "ref_counts",
    "var": "alt_counts",
    "f-": "ccf_lo",
    "f+": "ccf_hi",
    "f_lb": "ccf_lo",
    "f_ub": "ccf_hi",
}
PLACE_ID = re.compile(r"([^:\s]+):([1-9]\d{0,9}):([ACGTN]+):([ACGTN]+)", re.ASCII)
READ_COLUMNS = (
    *("mutation_id", "sample_id", "ref_counts", "alt_counts", "depth", "vaf", "depth2", "vaf2"),
    *("ccf", "ccf_lo", "ccf_hi"),
    *("tumour_content", "error_rate", "gene", "chrom", "pos", "ref", "alt", "alt1"),
    *("cluster", "filter", "status", "context", "censored_below"),
)


def looks_long(table: TableReader) -> bool:
    """Whether a header is that of a long table: a sample column, and counts or VAF with depth."""
    has_counts = "alt_counts" in table and ("ref_counts" in table or "depth" in table)
    has_fractions = "ccf" in table or ("ccf_lo" in table and "ccf_hi" in table)
    return "sample_id" in table and (has_counts or has_fractions or ("vaf" in table and "depth" in table))


def open_long_table(path: Path, display: str) -> TableReader:
    """The table with its columns under the names used here, whichever dialect it is."""
    table = TableReader(path, display, aliases=LONG_ALIASES)
    if {"sample_label", "character_label"} <= {name.lower() for name in table.original}:
        table.close()
        return TableReader(path, display, aliases=MACHINA_ALIASES)
    return table


def dialect_of(lowered: set[str]) -> str:
    """Whose columns these are."""
    for name, columns in (
        ("PhylogicNDT", {"local_cn_a1", "local_cn_a2"}),
        ("MesKit", {"ref_allele_depth", "alt_allele_depth"}),
        ("GDC or vcf2maf", {"t_ref_count", "t_alt_count", "hugo_symbol"}),
        ("MACHINA", {"sample_label", "character_label"}),
        ("PyClone-VI", {"mutation_id", "sample_id", "ref_counts", "alt_counts"}),
    ):
        if columns <= lowered:
            return name
    return "long table"
