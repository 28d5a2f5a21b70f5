"""Substitutions of one base that stand beside the substitution of several bases they are part of."""

from __future__ import annotations

import numpy as np

from phylometa.io.calls import Calls
from phylometa.reference.contigs import contig_name

__all__ = ["drop_nested"]

# A single substitution with more reads than this multiple of the longer one's, and so many more, is one of its own.
OWN_SHARE, OWN_READS = 1.5, 3


def drop_nested(calls: Calls, genome: str = "human") -> None:
    """Leave out each single substitution inside a longer one that explains its reads; changes `calls` in place.

    Parameters
    ----------
    calls : Calls
        A caller that writes ``AC>TG`` and ``A>T`` at one place counts one event twice. If a sample lists only the parts
        (a caller that takes longer events apart), the longer one gets the reads of its first part there.
    genome : species, for the names of contigs
    """
    longer = [
        row
        for row, (ref, alt) in enumerate(zip(calls.refs, calls.alts))
        if len(ref) == len(alt) > 1 and calls.positions[row] >= 0
    ]
    if not longer:
        return
    single = {
        calls.key(row, genome): row
        for row, (ref, alt) in enumerate(zip(calls.refs, calls.alts))
        if len(ref) == len(alt) == 1 and calls.positions[row] >= 0
    }
    inside: dict[int, int] = {}
    for row in longer:
        contig, start = contig_name(calls.chroms[row], genome), int(calls.positions[row])
        for i, (ref, alt) in enumerate(zip(calls.refs[row], calls.alts[row])):
            part = single.get((contig, start + i, ref, alt)) if ref != alt else None
            if part is None or part in inside or _has_own_reads(calls, part, row):
                continue
            inside[part] = row
            missing = (calls.depth[row] == 0) & (calls.depth[part] > 0)
            if missing.any():
                calls.alt, calls.depth = calls.alt.copy(), calls.depth.copy()
                calls.alt[row, missing], calls.depth[row, missing] = (
                    calls.alt[part, missing],
                    calls.depth[part, missing],
                )
                if calls.unlisted is not None:
                    calls.unlisted[row, missing] = False
    if not inside:
        return
    ids = {part: calls.ids[row] for part, row in inside.items()}
    keep = np.ones(calls.n_mutations, dtype=bool)
    keep[list(inside)] = False
    calls.keep(keep, lambda row: f"part of {ids[row]}")
    n, names = len(inside), list(dict.fromkeys(ids.values()))
    calls.warnings.append(
        f"{n} single substitution{'s' if n > 1 else ''} inside a longer one that was called too "
        f"({', '.join(names[:3])}{' ...' if len(names) > 3 else ''}) left out: one event, counted once"
    )


def _has_own_reads(calls: Calls, part: int, longer: int) -> bool:
    both = (calls.depth[part] > 0) & (calls.depth[longer] > 0)
    return bool((calls.alt[part] > OWN_SHARE * calls.alt[longer] + OWN_READS)[both].any())
