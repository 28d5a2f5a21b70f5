"""A clone tree for iTOL: a Newick file, and annotation files to drag onto it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from phylometa.io.annotated_trees import AnnotatedTree, newick_text

__all__ = ["ITOL_FILES", "write_itol"]

ITOL_FILES = ("tree.nwk", "sites.txt", "clones.txt", "support.txt")


def write_itol(
    tree: AnnotatedTree, directory: Path, *, site_colours: Mapping[str, str], clone_colours: Mapping[str, str]
) -> None:
    """Write tree.nwk and three annotation files: a strip of sites, branches in the clones' colours, supports as text.

    Parameters
    ----------
    tree : AnnotatedTree
        With a tip a site, whose notes name ``clone`` and ``site``.
    directory : Path
        An existing one.
    site_colours, clone_colours : mapping
        Site, name of a clone -> ``#rrggbb``.
    """
    (directory / "tree.nwk").write_text(newick_text(tree, "plain") + "\n", encoding="utf-8")
    tips = set(tree.tips)
    sited = [
        (name, site, site_colours[site])
        for name, notes in zip(tree.names, tree.notes)
        if name in tips and (site := str(notes.get("site", ""))) in site_colours
    ]
    shown = {site: colour for site, colour in site_colours.items() if any(site == cell[1] for cell in sited)}
    strip = [
        *("DATASET_COLORSTRIP", "SEPARATOR TAB", "DATASET_LABEL\tsite", "COLOR\t#000000", "LEGEND_TITLE\tsite"),
        "\t".join(["LEGEND_SHAPES", *("1" for _ in shown)]),
        "\t".join(["LEGEND_COLORS", *shown.values()]),
        "\t".join(["LEGEND_LABELS", *(_cell(site) for site in shown)]),
        "DATA",
    ]
    _write(directory / "sites.txt", strip, [(name, colour, _cell(site)) for name, site, colour in sited])
    branches = [
        (name, "branch", clone_colours[clone], "normal", "2")
        for name, notes in zip(tree.names, tree.notes)
        if (clone := str(notes.get("clone", ""))) in clone_colours
    ]
    _write(directory / "clones.txt", ["TREE_COLORS", "SEPARATOR TAB", "DATA"], branches)
    supports = [
        (name, f"{value:.2f}", "0.5", "#595959", "normal", "1", "0")
        for name, value in zip(tree.names, tree.support)
        if not math.isnan(value)
    ]
    head = ["DATASET_TEXT", "SEPARATOR TAB", "DATASET_LABEL\tsupport", "COLOR\t#595959", "SHOW_INTERNAL\t1", "DATA"]
    _write(directory / "support.txt", head, supports)


def _cell(text: str) -> str:
    return " ".join(text.split())


def _write(path: Path, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    path.write_text("\n".join([*head, *("\t".join(row) for row in rows)]) + "\n", encoding="utf-8")
