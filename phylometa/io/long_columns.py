"""Columns of long tables: the names that PyClone-VI, MAF in its dialects, MACHINA and others give them."""

from __future__ import annotations

import re
from pathlib import Path
from sys import intern

from phylometa.io.table_reader import TableReader

__all__ = ["LONG_ALIASES", "READ_COLUMNS", "dialect_of", "looks_long", "open_long_table", "place_in_id"]

# Other names of a column (lower case). MAF: vcf2maf and GDC (t_ref_count), MesKit (Ref_allele_depth), PhylogicNDT
# (Start_position, Tumor_Seq_Allele, local_cn_a1); PyClone (var_counts); CONIPHER (VAR_COUNT, COPY_NUMBER_A, ACF);
# DPClust (end, WT.count, mut.count); CliP (chromosome_index); ICGC (chromosome_start, mutated_to_allele);
# CNAqc (from, NV).
LONG_ALIASES = {
    alias: name
    for name, aliases in {
        "mutation_id": "mutation mut_id variant_id icgc_mutation_id",
        "sample_id": "sample sample_name tumor_sample_barcode tumour_sample_barcode tumor_sample tumour_sample "
        "icgc_sample_id",
        "ref_counts": "ref_count t_ref_count ref_allele_depth ref_reads n_ref wt_count wt_counts",
        "alt_counts": "alt_count var_counts var_count t_alt_count t_var_count alt_allele_depth alt_reads var_reads "
        "n_alt mut_count mut_counts mutant_allele_read_count nv",
        "depth": "t_depth total_counts total_count total_reads dp total_depth total_read_count read_depth wgs.depth",
        "vaf": "t_vaf tumor_vaf tumour_vaf variant_allele_frequency variant_allele_fraction af t_af tumor_f wgs.vaf",
        "depth2": "val.depth",
        "vaf2": "val.vaf",
        "major_cn": "local_cn_a2 copy_number_a major_copy_number",
        "minor_cn": "local_cn_a1 copy_number_b minor_copy_number",
        "total_cn": "copy_number copynumber",
        "tumour_content": "tumor_content purity acf cellularity",
        "gene": "hugo_symbol gene_symbol",
        "chrom": "chromosome chr contig chromosome_index seqnames",
        "pos": "position start_position startpos start chromosome_start from end start_grch37 start_grch38 start_hg19 "
        "start_hg38 pos_hg19 pos_hg38 position_hg19 position_hg38",
        "ref": "reference_allele wt reference mutated_from_allele refbase",
        "alt": "tumor_seq_allele2 tumor_seq_allele mt alternate alt_allele mutated_to_allele mutbase",
        "alt1": "tumor_seq_allele1",
        "ccf": "cancer_cell_fraction cellular_prevalence",
        "cluster": "cluster_id cluster.no cluster_no",
        "status": "mutation_status",
        "context": "trinucleotide_context",
        "normal_alt": "n_alt_count n_var_count normal_alt_count normal_var_count",
        "normal_ref": "n_ref_count normal_ref_count",
        "normal_depth": "n_depth normal_dp",
    }.items()
    for alias in aliases.split()
}
# MACHINA's tables of reads and of frequencies, in which ref and var are reads, not alleles.
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
# Ids that hold a place: ``chr1:5:A:T`` on any contig; with other signs (``1.5.A.T``, ``chr1_5_A/T``, ``1:5A>T``) on
# chromosomes alone.
PLACE_ID = re.compile(r"([^:\s]+):([1-9]\d{0,9}):([ACGTN]+):([ACGTN]+)", re.ASCII)
LOOSE_PLACE_ID = re.compile(
    r"((?:chr)?(?:\d{1,2}|[XY]|MT?))[:._-]([1-9]\d{0,9})[:._-]?([ACGTN]+)[:._/>-]([ACGTN]+)", re.ASCII
)
READ_COLUMNS = (
    *("mutation_id", "sample_id", "ref_counts", "alt_counts", "depth", "vaf", "depth2", "vaf2"),
    *("ccf", "ccf_lo", "ccf_hi"),
    *("tumour_content", "error_rate", "gene", "chrom", "pos", "ref", "alt", "alt1"),
    *("cluster", "filter", "status", "context", "censored_below"),
    *("normal_alt", "normal_ref", "normal_depth"),
)


def place_in_id(name: str) -> tuple[str, int, str, str] | None:
    """Find the contig, 0-based position and alleles that a mutation's id names; None if it names none.

    Examples
    --------
    >>> place_in_id("chr1:5:A:T"), place_in_id("X.5.A.T"), place_in_id("TP53")
    (('chr1', 4, 'A', 'T'), ('X', 4, 'A', 'T'), None)
    """
    found = PLACE_ID.fullmatch(name) or LOOSE_PLACE_ID.fullmatch(name)
    if not found:
        return None
    chrom, position, ref, alt = found.groups()
    return intern(chrom), int(position) - 1, intern(ref), intern(alt)


def looks_long(table: TableReader) -> bool:
    """Return whether a header is that of a long table: counts or fractions by mutation, with or without samples."""
    has_counts = "alt_counts" in table and ("ref_counts" in table or "depth" in table)
    if "sample_id" in table:
        has_fractions = "ccf" in table or ("ccf_lo" in table and "ccf_hi" in table)
        return has_counts or has_fractions or "vaf" in table
    names_mutation = "mutation_id" in table or ("chrom" in table and "pos" in table)
    return names_mutation and (has_counts or ("vaf" in table and "depth" in table))


def open_long_table(path: Path, display: str) -> TableReader:
    """Open the table with its columns under the names used here, whichever dialect it is."""
    table = TableReader(path, display, aliases=LONG_ALIASES)
    if {"sample_label", "character_label"} <= {name.lower() for name in table.original}:
        table.close()
        table = TableReader(path, display, aliases=MACHINA_ALIASES)
        # DeCiFer's states of copy number follow without a name: (copies, copies, share of cells) as often as needed
        table.has_extra_fields = "alt_counts" in table
    return table


# Dialect to columns that only it has; the first that fits.
DIALECTS = (
    ("PhylogicNDT", {"local_cn_a1", "local_cn_a2"}),
    ("PhylogicNDT", {"start_position", "t_alt_count", "ccf_0.00"}),
    ("CONIPHER", {"ref_count", "var_count", "copy_number_a", "copy_number_b"}),
    ("DPClust", {"wt.count", "mut.count"}),
    ("CliP", {"chromosome_index", "alt_count", "ref_count"}),
    ("ICGC", {"icgc_sample_id", "mutant_allele_read_count"}),
    ("CNAqc", {"from", "dp", "nv"}),
    ("MesKit", {"ref_allele_depth", "alt_allele_depth"}),
    ("GDC or vcf2maf", {"t_ref_count", "t_alt_count", "hugo_symbol"}),
    ("DeCiFer", {"sample_index", "sample_label", "character_index", "character_label", "ref", "var"}),
    ("MACHINA", {"sample_label", "character_label"}),
    ("PyClone", {"mutation_id", "ref_counts", "var_counts"}),
    ("PyClone-VI", {"mutation_id", "sample_id", "ref_counts", "alt_counts"}),
)


def dialect_of(lowered: set[str]) -> str:
    """Tell whose columns these are."""
    return next((name for name, columns in DIALECTS if columns <= lowered), "long table")
