"""The copy-number stage: segmentation, distances, tree, events, support, instability, parallel events."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from phylometa.config import CopyNumberSettings
from phylometa.copy_number.distance import copy_number_distances, zero_agnostic_distances
from phylometa.copy_number.doubling import doubling_probabilities
from phylometa.copy_number.events import branch_events
from phylometa.copy_number.instability import compare_classes, instability_measures, sample_instability
from phylometa.copy_number.parallel_events import find_parallel_events
from phylometa.copy_number.parsimony import ParsimonyTree, search_tree, start_topology
from phylometa.copy_number.segmentation import (
    AlleleSequences,
    CopyNumberMatrix,
    allele_sequences,
    amplicon_copies,
    amplicon_levels,
    consistent_segmentation,
    is_autosome,
)
from phylometa.copy_number.support import clade_support, replicate_distances
from phylometa.errors import InfeasibleError
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.clone_tree import preorder
from phylometa.model.copy_number import CopyNumberEvent, CopyNumberResult, Instability
from phylometa.model.patient import CopyNumberProfile

__all__ = ["infer_copy_number_tree", "tumour_profile"]

NORMAL_NAMES = ("diploid", "normal")


def infer_copy_number_tree(
    profile: CopyNumberProfile,
    *,
    settings: CopyNumberSettings,
    rng: np.random.Generator,
    site_classes: Mapping[str, str] | None = None,
    sex: str | None = None,
) -> CopyNumberResult:
    """Infer the tree of least copy-number events of a patient's samples, with ancestors, support and instability.

    Parameters
    ----------
    profile : CopyNumberProfile
        A sample named ``diploid`` or ``normal`` is no tumour sample and is passed over.
    settings : CopyNumberSettings
    rng : numpy.random.Generator
        Replicates of the support and permutations.
    site_classes : mapping sample -> site class, optional
        For the comparison of metastases with primaries.
    sex : {"female", "male"}, optional
        A male's X and Y are left out: their normal cells are not diploid there.

    Returns
    -------
    CopyNumberResult

    Raises
    ------
    InfeasibleError
        If fewer than two samples have copy number on common segments.
    """
    profile, warnings = tumour_profile(profile, sex)
    matrix = consistent_segmentation(
        profile, min_segment_length=settings.min_segment_length, min_coverage=settings.min_coverage
    )
    if len(matrix.sample_names) < 2:
        raise InfeasibleError("a copy-number tree needs copy number in at least two samples")
    warnings += matrix.warnings
    limit = settings.amplicon_copies * (2 if matrix.copies.shape[1] == 1 else 1)
    observed = matrix.copies
    matrix = replace(matrix, copies=amplicon_levels(observed, limit))
    if (observed > limit).any():
        warnings += (
            f"copies of an allele beyond {limit} (at most {int(observed.max())}) count as one gain a doubling: an "
            "amplicon grows by multiples",
        )
    sequences = allele_sequences(matrix)
    n = len(sequences.values)
    distances = copy_number_distances(sequences, wgd=settings.wgd)
    tree = search_tree(sequences, start_topology(distances, n - 1), wgd=settings.wgd)
    names = _node_names(matrix.sample_names, tree.parents)
    events = _tree_events(tree, sequences, matrix, names)
    lengths = np.array([sum(event.branch == name for event in events) for name in names])
    replicates = np.empty((0, n, n))
    if settings.bootstrap:
        replicates = replicate_distances(
            matrix, sequences, wgd=settings.wgd, method=settings.support, replicates=settings.bootstrap, rng=rng
        )
    copies = amplicon_copies(_node_copies(tree.profiles, sequences, matrix), limit)
    copies[: len(observed)] = observed
    instability = _instability(profile, matrix, tree, copies, names, events)
    comparisons = compare_classes(instability, site_classes, rng=rng) if site_classes else ()
    parallel, test = find_parallel_events(events, names, tree.parents, permutations=settings.permutations, rng=rng)
    return CopyNumberResult(
        sample_names=matrix.sample_names,
        distances=distances,
        zero_agnostic=zero_agnostic_distances(sequences),
        node_names=names,
        parents=tree.parents,
        branch_lengths=lengths,
        doublings=tree.doublings,
        support=clade_support(tree.parents, lengths, n, replicates, rng=rng),
        chroms=matrix.chroms,
        start=matrix.start,
        end=matrix.end,
        copies=copies,
        is_phased=matrix.is_phased,
        events=events,
        instability=instability,
        comparisons=comparisons,
        parallel=parallel,
        parallel_test=test,
        open_sequences=tree.n_open,
        wgd=settings.wgd,
        support_method=settings.support,
        warnings=(*warnings, *(_doubling_warnings(instability) if settings.wgd else ())),
    )


def tumour_profile(profile: CopyNumberProfile, sex: str | None) -> tuple[CopyNumberProfile, tuple[str, ...]]:
    """Leave out normal samples, segments of unknown copy number, and a male's X and Y; also warnings."""
    kept = [s for s, name in enumerate(profile.sample_names) if name.lower() not in NORMAL_NAMES]
    is_known = np.isfinite(profile.total) & np.isin(profile.sample, kept)
    warnings: tuple[str, ...] = ()
    if sex == "male":
        is_autosomal = np.array([is_autosome(chrom) for chrom in profile.chroms], dtype=bool)
        if (is_known & ~is_autosomal).any():
            warnings = ("copy-number tree: a male's X and Y are left out",)
        is_known &= is_autosomal
    known = profile.take(np.flatnonzero(is_known))
    return known.of_samples([profile.sample_names[s] for s in kept]), warnings


def _node_names(sample_names: tuple[str, ...], parents: IntArray) -> tuple[str, ...]:
    """Samples, ``diploid``, and inner nodes numbered from the root down."""
    n = len(sample_names) + 1
    prefix = "node"
    while any(name.startswith(prefix) for name in sample_names):
        prefix += "_"
    inner = {v: k for k, v in enumerate([v for v in preorder(parents) if v >= n], start=1)}
    return (*sample_names, "diploid", *(f"{prefix}{inner[v]}" for v in range(n, len(parents))))


def _tree_events(
    tree: ParsimonyTree, sequences: AlleleSequences, matrix: CopyNumberMatrix, names: tuple[str, ...]
) -> tuple[CopyNumberEvent, ...]:
    found: list[CopyNumberEvent] = []
    for v in preorder(tree.parents):
        above = int(tree.parents[v])
        if above >= 0:
            ends = tree.profiles[above], tree.profiles[v]
            found += branch_events(*ends, int(tree.doublings[v]), sequences, matrix, names[v])
    return tuple(found)


def _node_copies(profiles: IntArray, sequences: AlleleSequences, matrix: CopyNumberMatrix) -> IntArray:
    """Copies of every node on the common segments (n_nodes, A, N), the merged columns taken apart."""
    copies = np.zeros((len(profiles), *matrix.copies.shape[1:]), dtype=np.int64)
    for k, (start, end) in enumerate(zip(sequences.starts, sequences.starts[1:])):
        for column in range(start, end):
            segments = slice(sequences.first[column], sequences.last[column] + 1)
            copies[:, sequences.allele[k], segments] = profiles[:, column, None]
    return copies


def _instability(
    profile: CopyNumberProfile,
    matrix: CopyNumberMatrix,
    tree: ParsimonyTree,
    copies: IntArray,
    names: tuple[str, ...],
    events: tuple[CopyNumberEvent, ...],
) -> tuple[Instability, ...]:
    """Of every node: samples on their own segments, ancestors on the common ones; events of the branch above."""
    n_samples, n_alleles = matrix.copies.shape[:2]
    length = matrix.length.astype(np.float64)
    is_used = np.array([is_autosome(chrom) for chrom in matrix.chroms], dtype=bool)
    whole = max(float(length[is_used].sum()), 1.0)
    count = {(name, kind): 0 for name in names for kind in ("gain", "loss", "doubling")}
    for event in events:
        count[event.branch, event.kind] += 1
    to_root = np.zeros(len(names), dtype=np.int64)
    rows: dict[int, Instability] = {}
    doubled = doubling_probabilities(profile)
    for v in preorder(tree.parents):
        above = int(tree.parents[v])
        if v < n_samples:
            sample = profile.sample_names.index(names[v])
            found = replace(sample_instability(profile, sample), wgd_probability=float(doubled[sample]))
        else:
            total = copies[v].sum(axis=0).astype(np.float64)
            alleles: tuple[FloatArray, FloatArray] = (np.full_like(total, np.nan),) * 2
            if n_alleles == 2:
                alleles = copies[v].max(axis=0).astype(np.float64), copies[v].min(axis=0).astype(np.float64)
            found = instability_measures(names[v], matrix.chroms, length, *alleles, total, is_sample=False)
        new_loh = math.nan if n_alleles == 1 else 0.0
        if above >= 0:
            to_root[v] = to_root[above] + tree.doublings[v]
            if n_alleles == 2:
                is_new = (copies[v].min(axis=0) == 0) & (copies[above].min(axis=0) > 0) & is_used
                new_loh = float(length @ is_new) / whole
        rows[v] = replace(
            found,
            wgd_parsimony=int(to_root[v]),
            branch_length=sum(count[names[v], kind] for kind in ("gain", "loss", "doubling")),
            gains=count[names[v], "gain"],
            losses=count[names[v], "loss"],
            doublings=count[names[v], "doubling"],
            new_loh=new_loh,
        )
    return tuple(rows[v] for v in range(len(names)))


def _doubling_warnings(instability: tuple[Instability, ...]) -> tuple[str, ...]:
    """Warn if the tree of least events has no doubling above a sample that is doubled."""
    rows = [row for row in instability if row.is_sample and not math.isnan(row.wgd_probability)]
    without = [row.name for row in rows if row.is_doubled and not row.wgd_parsimony]
    if not without:
        return ()
    least = min(row.wgd_probability for row in rows if row.is_doubled)
    return (
        f"{len(without)} of {len(rows)} samples are doubled (P at least {least:.2f}) without a doubling above them in "
        "the tree of least events, which shows single gains instead",
    )
