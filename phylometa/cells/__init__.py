"""Clones and tree of single cells: a cell is a sample of one clone, seen through lost alleles and false calls."""

from phylometa.cells.copy_number_clones import infer_copy_number_clones
from phylometa.cells.infer import infer_cell_clones

__all__ = ["infer_cell_clones", "infer_copy_number_clones"]
