"""Loci of the table, whatever is behind them: mutations of clones, neutral tails, artefacts, germline variants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phylometa.model.arrays import BoolArray, FloatArray, IntArray

__all__ = ["CLASS_OF_CAUSE", "Loci"]

# What is behind a locus -> its class.
CLASS_OF_CAUSE = {
    "clone": "clone",
    "tail": "tail",
    "recurrent": "artefact",
    "scattered": "artefact",
    "ffpe": "artefact",
    "oxidation": "artefact",
    "germline": "germline",
}


@dataclass(frozen=True, eq=False)
class Loci:
    """Columns of n loci, with their reads in S samples and in the normal; K clones.

    Parameters
    ----------
    causes : tuple of str
        Key of `CLASS_OF_CAUSE`.
    clone, allele : int64 arrays (n,)
        -1 unless the cause is ``clone``.
    segment, position : int64 arrays (n,)
        Index into the segments of the genome; 0-based position.
    age : float64 array (n,)
        Years; NaN unless the cause is ``clone``.
    multiplicity : int64 array (n, K)
        Mutated copies in a cell of each clone; 0 unless the cause is ``clone``.
    refs, alts, contexts, genes : tuples of str
    vaf : float64 array (n, S)
        Share of mutated molecules, before sequencing error.
    alt_counts, depth : int64 arrays (n, S)
    observed : bool array (n, S)
    normal_vaf : float64 array (n,)
    normal_alt, normal_depth : int64 arrays (n,)
    """

    causes: tuple[str, ...]
    clone: IntArray
    allele: IntArray
    segment: IntArray
    position: IntArray
    age: FloatArray
    multiplicity: IntArray
    refs: tuple[str, ...]
    alts: tuple[str, ...]
    contexts: tuple[str, ...]
    genes: tuple[str, ...]
    vaf: FloatArray
    alt_counts: NDArray[np.int64]
    depth: NDArray[np.int64]
    observed: BoolArray
    normal_vaf: FloatArray
    normal_alt: NDArray[np.int64]
    normal_depth: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.causes)

    def take(self, rows: NDArray[np.int64] | BoolArray) -> Loci:
        """Return the loci of `rows` (indices or mask), in that order."""
        index = np.arange(len(self))[rows].tolist()
        columns: dict[str, Any] = {item.name: getattr(self, item.name) for item in fields(self)}
        taken: dict[str, Any] = {
            name: tuple(column[i] for i in index) if isinstance(column, tuple) else column[rows]
            for name, column in columns.items()
        }
        return Loci(**taken)

    def with_samples(self, columns: NDArray[np.int64]) -> Loci:
        """Return the same loci in other samples: `columns` are indices into the S samples, which may come again."""
        in_samples = ("vaf", "alt_counts", "depth", "observed")
        return replace(self, **{name: getattr(self, name)[:, columns] for name in in_samples})

    @classmethod
    def merged(cls, parts: Sequence[Loci], chrom_of_segment: IntArray) -> Loci:
        """Merge all loci of `parts` in genome order."""
        columns: dict[str, list[Any]] = {
            item.name: [getattr(part, item.name) for part in parts] for item in fields(cls)
        }
        whole: dict[str, Any] = {
            name: sum(values, ()) if isinstance(values[0], tuple) else np.concatenate(values)
            for name, values in columns.items()
        }
        joined = cls(**whole)
        return joined.take(np.lexsort((joined.position, chrom_of_segment[joined.segment])))
