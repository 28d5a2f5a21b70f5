"""One colour per site and clone in all figures, exports and files of a patient; those the user chose come first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from phylometa.model.lineage_colours import lineage_colours
from phylometa.model.patient import Site
from phylometa.model.result import PatientResult
from phylometa.model.tree_ensemble import TreeEnsemble

__all__ = ["SITE_PALETTE", "clone_colours", "colours_of_sites", "colours_of_trees", "is_colour", "with_colours"]

# Okabe & Ito 2008, "Color universal design"; black is kept for ink. The last is Tol's pale grey.
SITE_PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#999999")


def colours_of_sites(sites: Sequence[Site]) -> tuple[str, ...]:
    """List the colours of all sites of a patient: chosen by the user, else from the palette, which begins again.

    >>> colours_of_sites([Site("liver", "distant"), Site("lung", "distant", colour="#00ff00")])
    ('#0072B2', '#00ff00')
    """
    return tuple(site.colour or SITE_PALETTE[i % len(SITE_PALETTE)] for i, site in enumerate(sites))


def colours_of_trees(trees: TreeEnsemble) -> tuple[str, ...]:
    """List the colours of all clones, by their lineage in the most probable tree."""
    return lineage_colours(tuple(int(v) for v in trees.best.parents))


def clone_colours(result: PatientResult) -> tuple[str, ...]:
    """List the colours of all clones: chosen by the user, else by lineage.

    Parameters
    ----------
    result : PatientResult

    Returns
    -------
    tuple of str
        ``#rrggbb`` by the clone's index in the `TreeEnsemble`; without trees by the cluster's, as if all descended
        from the first.
    """
    trees = result.trees
    if trees is not None and len(trees):
        names, made = trees.names, colours_of_trees(trees)
    else:
        names = () if result.clusters is None else tuple(result.clusters.names)
        made = lineage_colours((-1, *(0,) * (len(names) - 1))) if names else ()
    return tuple(result.clone_colours.get(name) or colour for name, colour in zip(names, made))


def is_colour(text: str) -> bool:
    """Whether `text` is ``#rrggbb``."""
    return len(text) == 7 and text[0] == "#" and set(text[1:].lower()) <= set("0123456789abcdef")


Result = TypeVar("Result", bound=PatientResult)


def with_colours(
    result: Result, *, sites: Mapping[str, str] | None = None, clones: Mapping[str, str] | None = None
) -> Result:
    """Return the result with other colours of sites and clones, in all its figures and exports.

    Parameters
    ----------
    result : PatientResult
    sites, clones : mapping of name to ``#rrggbb``, optional
        Those not named keep theirs.

    Raises
    ------
    ValueError
        A name that is no site or clone of the result, or a colour that is not ``#rrggbb``.
    """
    sites, clones = dict(sites or {}), dict(clones or {})
    for kind, chosen, known in (
        ("site", sites, result.patient.site_names),
        ("clone", clones, () if result.trees is None else result.trees.names),
    ):
        for name, colour in chosen.items():
            if name not in known:
                raise ValueError(f"{kind} {name!r}: expected one of {', '.join(known)}")
            if not is_colour(colour):
                raise ValueError(f"colour {colour!r} of {kind} {name}: expected #rrggbb")
    coloured = tuple(replace(site, colour=sites.get(site.name, site.colour)) for site in result.patient.sites)
    patient = result.patient.with_changes(sites=coloured)
    return replace(result, patient=patient, clone_colours={**result.clone_colours, **clones})
