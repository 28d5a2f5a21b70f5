"""What it means that a sample's list of calls leaves a mutation out: censored, unobserved or absent."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from phylometa.io.calls import Calls

__all__ = ["least_reported", "settle_uncalled"]

# Share of a list's records that may lie below its usual least: a second tier of reads, realigned reads.
STRAY_SHARE = 0.01


def least_reported(alt_counts: NDArray[np.int32]) -> int:
    """Least alternate reads of a list of calls, of which one in a hundred may have fewer; 0 for an empty list.

    Examples
    --------
    >>> least_reported(np.array([40, 4, 12], dtype=np.int32))
    4
    """
    if not len(alt_counts):
        return 0
    return int(np.sort(alt_counts)[int(STRAY_SHARE * len(alt_counts))])


def settle_uncalled(calls: Calls, rule: Literal["auto", "censored", "unobserved", "absent"]) -> None:
    """Decide what the cells mean that no file of their sample lists; changes `calls` in place.

    Parameters
    ----------
    calls : Calls
        With `unlisted`; gets `censored_below`, or reads, and a warning that names the cells by sample.
    rule : {"auto", "censored", "unobserved", "absent"}
        ``censored``: fewer alternate reads than the least of the sample's calls were seen (`least_reported`).
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
            alt = alt[alt > 0]
        if not holes.any() or not len(alt) or sample in calls.nominal:
            continue
        number = f"{sample} {int(holes.sum())} of {len(holes)}"
        if rule == "absent":
            usual = int(np.median(depth))
            calls.depth[holes, k] = usual
            notes.append(f"{number} (depth {usual})")
            continue
        least = least_reported(alt)
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
