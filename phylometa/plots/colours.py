"""Swatches of sites and clones: their colour, and a hatch where a colour comes again."""

from __future__ import annotations

from collections.abc import Sequence

from phylometa.model.colours import clone_colours, colours_of_sites
from phylometa.model.patient import Site
from phylometa.model.result import PatientResult
from phylometa.plots.style import HATCHES, Swatch

__all__ = ["clone_swatches", "site_swatches"]


def _hatched(colours: Sequence[str]) -> tuple[Swatch, ...]:
    seen: dict[str, int] = {}
    swatches = []
    for colour in colours:
        again = seen[colour] = seen.get(colour, -1) + 1
        swatches.append(Swatch(colour, HATCHES[again % len(HATCHES)]))
    return tuple(swatches)


def site_swatches(sites: Sequence[Site]) -> tuple[Swatch, ...]:
    """Make one swatch per site of the patient: a site looks the same in all figures.

    Parameters
    ----------
    sites : sequence of Site
        All sites of the patient.

    Examples
    --------
    >>> [swatch.hatch for swatch in site_swatches([Site(f"s{i}", "distant") for i in range(9)])][-2:]
    ['', '////']
    """
    return _hatched(colours_of_sites(sites))


def clone_swatches(result: PatientResult) -> tuple[Swatch, ...]:
    """Make one swatch per clone, by its lineage: hue by clade, lightness by depth (`phylometa.model.colours`)."""
    return _hatched(clone_colours(result)) or (Swatch("#b7b7b7"),)
