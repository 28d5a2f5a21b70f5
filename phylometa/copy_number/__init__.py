"""Copy-number phylogeny: distances between samples, their tree, ancestral profiles, events and instability."""

from phylometa.copy_number.clone_agreement import compare_with_clones
from phylometa.copy_number.clone_states import clone_copy_number_of_trees, infer_clone_copy_number
from phylometa.copy_number.distance import copy_number_distances, zero_agnostic_distances
from phylometa.copy_number.inference import infer_copy_number_tree
from phylometa.copy_number.parsimony import ParsimonyTree, search_tree, start_topology
from phylometa.copy_number.segmentation import (
    AlleleSequences,
    CopyNumberMatrix,
    allele_sequences,
    consistent_segmentation,
)
from phylometa.model.copy_number import CopyNumberEvent, CopyNumberResult, Instability

__all__ = [
    "AlleleSequences",
    "CopyNumberEvent",
    "CopyNumberMatrix",
    "CopyNumberResult",
    "Instability",
    "ParsimonyTree",
    "allele_sequences",
    "clone_copy_number_of_trees",
    "compare_with_clones",
    "consistent_segmentation",
    "copy_number_distances",
    "infer_clone_copy_number",
    "infer_copy_number_tree",
    "search_tree",
    "start_topology",
    "zero_agnostic_distances",
]
