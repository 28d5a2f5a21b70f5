"""Copy-number phylogeny: distances between samples, their tree, ancestral profiles."""

from phylometa.copy_number.distance import copy_number_distances, directed_distance, zero_agnostic_distances
from phylometa.copy_number.parsimony import ParsimonyTree, score_topology, search_tree, start_topology
from phylometa.copy_number.segmentation import (
    AlleleSequences,
    CopyNumberMatrix,
    allele_sequences,
    consistent_segmentation,
)

__all__ = [
    "AlleleSequences",
    "CopyNumberMatrix",
    "ParsimonyTree",
    "allele_sequences",
    "consistent_segmentation",
    "copy_number_distances",
    "directed_distance",
    "score_topology",
    "search_tree",
    "start_topology",
    "zero_agnostic_distances",
]
