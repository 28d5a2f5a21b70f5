"""Copy-number distances: the least number of gains, losses and doublings between profiles.

One allele, u to v: events add or remove one copy on a contiguous run and pass over zeros at no cost; zero is absorbing
(Shamir, Zehavi & Zeira 2016, doi:10.4230/LIPIcs.CPM.2016.20). A doubling adds one copy to every non-zero segment of
the genome at cost 1; on a branch losses to zero come first, then doublings, then gains and losses (Kaufmann et al.
2022, doi:10.1186/s13059-022-02794-9):

    T_w(x -> u) = w + sum over alleles and chromosomes of
                  [sum over maximal zero runs R of u of max x_R + ZCNT(x + w, u where u > 0)],  T = min over w <= 3,

and D(u, v) = min over x of T(x -> u) + T(x -> v). ZCNT, half the L1 distance of breakpoint profiles, ignores zeros
(Schmidt, Sashittal & Raphael 2023, doi:10.1371/journal.pcbi.1011590).
"""

from __future__ import annotations

import numpy as np

from phylometa.copy_number.segmentation import AlleleSequences
from phylometa.model.arrays import FloatArray

__all__ = ["MAX_DOUBLINGS", "copy_number_distances", "zero_agnostic_distances"]

MAX_DOUBLINGS = 3
# Copies an ancestor's segment may reach if more would not be seen in any descendant.
ANCESTOR_COPIES = 8


def copy_number_distances(sequences: AlleleSequences, *, wgd: bool = True) -> FloatArray:
    """Compute the symmetric distances D of all profiles, the diploid last.

    Parameters
    ----------
    sequences : AlleleSequences
    wgd : bool
        Whether genome doubling is an event.

    Returns
    -------
    float64 array (S + 1, S + 1)
        Exact.
    """
    from phylometa.copy_number._kernels import resampled_distances

    together = np.zeros(len(sequences.starts) - 1, dtype=np.int64)
    once = np.ones((1, 1), dtype=np.int64)
    options = (together, once, MAX_DOUBLINGS if wgd else 0, ANCESTOR_COPIES)
    return np.asarray(resampled_distances(sequences.values, sequences.starts, *options)[0])


def zero_agnostic_distances(sequences: AlleleSequences) -> FloatArray:
    """Compute ZCNT distances of all profiles (S + 1, S + 1): half the L1 distance of their breakpoint profiles."""
    from phylometa.copy_number._kernels import zero_agnostic

    out = np.zeros((len(sequences.values),) * 2, dtype=np.int64)
    zero_agnostic(sequences.values, sequences.starts, out)
    return out.astype(np.float64)
