"""What the name of a site says about the organ: a vocabulary of words (data/organs.tsv), each with its place.

Places are on the schematic body of the figures: midline x = 0, the patient's left positive, y downwards from the crown.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

__all__ = ["Organ", "find_organ", "site_group"]

# y of single vertebrae: C1 to C7, T1 to T12, L1 to L5, S1 to S5 (first one, distance to the next).
_SPINE = {"c": (46.0, 2.4), "t": (64.0, 6.3), "l": (142.0, 7.0), "s": (178.0, 4.0)}


@dataclass(frozen=True, slots=True)
class Organ:
    """An organ and where it lies.

    Parameters
    ----------
    name : str
        E.g. ``lung`` for `left upper lobe bronchus`.
    x, y : float
        Place on the schematic body; paired organs on the side that the site's name tells, else the left.
    """

    name: str
    x: float
    y: float


@cache
def _vocabulary() -> dict[str, tuple[str, float, float, bool]]:
    text = resources.files("phylometa.reference").joinpath("data/organs.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t")
    return {row["word"]: (row["organ"], float(row["x"]), float(row["y"]), row["paired"] == "yes") for row in rows}


def find_organ(site: str) -> Organ | None:
    """Find the organ that a site's name refers to; None if no word of it is known.

    A numbered vertebra (``T9``) goes before all; else the first known word (or pair of words) counts, its plural too.

    >>> find_organ("left adrenal gland")
    Organ(name='adrenal', x=10.0, y=130.0)
    >>> find_organ("Right_femur"), find_organ("lesion 7")
    (Organ(name='bone', x=-24.0, y=240.0), None)
    """
    words = re.findall(r"[^\W\d_]+|[^\W\d_]\d+", re.sub(r"([^\W\d_])(\d)", r"\1\2", site.casefold()))
    side = -1.0 if {"right", "rt", "r"} & set(words) else 1.0
    vertebra = re.search(r"(?<![^\W_])([ctls])(\d{1,2})(?![^\W_])", site.casefold())
    if vertebra and 1 <= int(vertebra.group(2)) <= 12:
        start, step = _SPINE[vertebra.group(1)]
        return Organ("bone", 0.0, start + step * int(vertebra.group(2)))
    known = _vocabulary()
    for word, following in zip(words, [*words[1:], ""]):
        if f"{word} {following}" in known:  # two words say more: a lower lobe, a cervical spine
            word = f"{word} {following}"
        stem = word if word in known else word.removesuffix("s")
        if stem in known:
            name, x, y, is_paired = known[stem]
            return Organ(name, side * x if is_paired else x, y)
    return None


def site_group(name: str, site_class: str) -> str:
    """Choose the group in which a cohort counts a site: its class if that says it all, else its organ, else its name.

    >>> site_group("left obturator", "lymph_node"), site_group("left lung", "distant"), site_group("M1", "distant")
    ('lymph node', 'lung', 'M1')
    """
    if site_class in ("primary", "bed", "lymph_node"):
        return site_class.replace("_", " ")
    organ = find_organ(name)
    return name if organ is None else organ.name
