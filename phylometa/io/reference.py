"""The reference genome: trinucleotide contexts of substitutions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from phylometa.errors import InputError
from phylometa.reference.contigs import contig_lookup

__all__ = ["open_fasta", "trinucleotide_contexts"]


def open_fasta(path: Path):  # type: ignore[no-untyped-def]
    """Open an indexed FASTA (pysam.FastaFile); the index is made beside it if it is missing.

    Raises
    ------
    InputError
        If the file, or the folder for its index, cannot be used.
    """
    import pysam

    verbosity = pysam.set_verbosity(0)
    try:
        return pysam.FastaFile(str(path))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read as an indexed FASTA ({error}); try samtools faidx", file=str(path)) from None
    finally:
        pysam.set_verbosity(verbosity)


def trinucleotide_contexts(
    path: Path, chroms: Sequence[str], positions: NDArray[np.int64], refs: Sequence[str], alts: Sequence[str]
) -> tuple[tuple[str, ...], int]:
    """Read the reference bases before, at and after every substitution.

    Parameters
    ----------
    path : Path
        Indexed FASTA.
    chroms, positions, refs, alts : length n
        0-based positions; ``chr17`` and ``17`` are the same contig.

    Returns
    -------
    contexts : tuple of str
        Three bases; '' for other events, unknown places and bases that differ from the reference.
    n_mismatched : int
        Substitutions whose reference allele is not the base of the FASTA.
    """
    contexts = []
    n_mismatched = 0
    with open_fasta(path) as fasta:
        find_contig = contig_lookup(fasta.references)
        for chrom, position, ref, alt in zip(chroms, positions, refs, alts):
            contig = find_contig(chrom)
            context = ""
            if contig is not None and position > 0 and len(ref) == len(alt) == 1:
                context = fasta.fetch(contig, int(position) - 1, int(position) + 2).upper()
                if context[1:2] != ref:
                    n_mismatched += 1
                    context = ""
            contexts.append(context if len(context) == 3 and set(context) <= set("ACGT") else "")
    return tuple(contexts), n_mismatched
