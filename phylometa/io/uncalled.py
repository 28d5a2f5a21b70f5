"""What it means that a sample's list of calls leaves a mutation out: censored, unobserved or absent."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from phylometa.io.calls import Calls

__all__ = ["least_reported", "settle_uncalled"]

# Share of a list's records that may lie below its usual least: a second tier of reads, realigned reads.
STRAY_SHARE = 0.01
# Every caller lists a mutation at this VAF with this many alternate reads, also if a list happens to hold none so low.
CALLED_VAF, CALLED_READS = 0.1, 4


def least_reported(alt_counts: NDArray[np.int32], depth: NDArray[np.int32]) -> int:
    """Work out the alternate reads from which a caller lists a mutation; 0 for an empty list.

    The least of the list, of which one in a hundred may have fewer, but not more than a VAF of a tenth at the median
    depth (and four reads).

    Examples
    --------
    >>> depth = np.array([120, 110, 130], dtype=np.int32)
    >>> least_reported(np.array([40, 4, 12], dtype=np.int32), depth)
    4
    >>> least_reported(np.array([40, 44, 52], dtype=np.int32), depth)
    12
    """
    if not len(alt_counts):
        return 0
    least = int(np.sort(alt_counts)[int(STRAY_SHARE * len(alt_counts))])
    return min(least, max(int(np.ceil(CALLED_VAF * np.median(depth))), CALLED_READS))


def settle_uncalled(calls: Calls, rule: Literal["auto", "censored", "unobserved", "absent"]) -> None:
    """Decide what the cells mean that no file of their sample lists; changes `calls` in place.

    Parameters
    ----------
    calls : Calls
        With `unlisted`; gets `censored_below`, or reads, and a warning that names the cells by sample.
    rule : {"auto", "censored", "unobserved", "absent"}
        ``censored``: fewer alternate reads were seen than those from which the caller lists one (`least_reported`).
        ``absent``: no alternate reads at the median depth of the sample. ``unobserved``: nothing is known. ``auto``:
        censored in a sample whose list holds no record without alternate reads, for only a caller's own calls look so;
        unobserved in every other.
    """
    if calls.unlisted is None or rule == "unobserved":
        return
    notes: list[str] = []
    for k, sample in enumerate(calls.samples):
        holes = calls.unlisted[:, k] & (calls.depth[:, k] == 0)
        own = calls.depth[:, k] > 0
        if calls.rescued is not None:
            own &= ~calls.rescued[:, k]
        alt, depth = calls.alt[own, k], calls.depth[own, k]
        if rule == "censored":
            alt, depth = alt[alt > 0], depth[alt > 0]
        if not holes.any() or not len(alt) or sample in calls.nominal:
            continue
        number = f"{sample} {int(holes.sum())} of {len(holes)}"
        if rule == "absent":
            usual = int(np.median(depth))
            calls.depth[holes, k] = usual
            notes.append(f"{number} (depth {usual})")
            continue
        least = least_reported(alt, depth)
        if least < 1:
            continue
        if calls.censored_below is None:
            calls.censored_below = np.zeros(calls.depth.shape, dtype=np.int32)
        calls.censored_below[holes, k] = least
        notes.append(f"{number} (fewer than {least})")
    if not notes:
        return
    listed = "; ".join(notes)
    if rule == "absent":
        calls.warnings.append(
            f"mutations that a sample's list of calls leaves out are taken as absent, as --uncalled asks: {listed}; a "
            "mutation that the caller missed then looks absent"
        )
    else:
        calls.warnings.append(
            "mutations that a sample's list of calls leaves out are not known to be absent: they are taken as "
            f"censored, fewer alternate reads than the caller lists: {listed}; phylometa genotype counts their reads"
        )
