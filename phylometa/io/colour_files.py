"""Colours of sites and clones as a table, ``colors.tsv``: those of the figures, to be edited and given back."""

from __future__ import annotations

from pathlib import Path

from phylometa.errors import InputError
from phylometa.io.problems import ProblemList
from phylometa.io.tsv import read_tsv, write_tsv
from phylometa.model.colours import Result, clone_colours, colours_of_sites, is_colour, with_colours
from phylometa.model.result import PatientResult

__all__ = ["COLOURS_FILE", "read_colours", "write_colours"]

COLOURS_FILE = "colors.tsv"
_COLUMNS = ("kind", "name", "color", "chosen")


def write_colours(result: PatientResult, path: Path) -> None:
    """Write the colour of every site and clone; ``chosen`` tells which are the user's.

    Parameters
    ----------
    result : PatientResult
    path : Path
    """
    sites = result.patient.sites
    names = () if result.trees is None else result.trees.names
    rows = [
        *(("site", site.name, colour, bool(site.colour)) for site, colour in zip(sites, colours_of_sites(sites))),
        *(("clone", name, c, name in result.clone_colours) for name, c in zip(names, clone_colours(result))),
    ]
    write_tsv(path, _COLUMNS, rows)


def read_colours(result: Result, path: Path, *, is_own: bool = False) -> Result:
    """Return the result with the colours of a table ``kind name color``.

    Parameters
    ----------
    result : PatientResult
    path : Path
    is_own : bool
        The table lies among the figures of this result: only colours that were chosen count, and those of clones that
        are gone do not. In other tables all colours count, but for those with ``False`` in ``chosen`` that are the
        result's own.

    Raises
    ------
    InputError
        Names file, row, column and value.
    """
    problems = ProblemList(str(path))
    known = {"site": set(result.patient.site_names), "clone": set(() if result.trees is None else result.trees.names)}
    found: dict[str, dict[str, str]] = {"site": {}, "clone": {}}
    rows = list(read_tsv(path))
    missing = [name for name in _COLUMNS[:3] if rows and name not in rows[0]]
    if missing or not rows:
        raise InputError(f"has no column {', '.join(missing)}" if rows else "has no rows", file=str(path))
    for number, row in enumerate(rows, start=2):
        kind, name, colour = ((row[column] or "").strip() for column in _COLUMNS[:3])
        if is_own and row.get("chosen") != "True":
            continue
        if kind not in known:
            problems.add(f"{kind!r}: expected site or clone", row=number, column="kind")
        elif not is_colour(colour):
            problems.add(f"{colour!r}: expected a colour as #1f77b4", row=number, column="color")
        elif name in known[kind]:
            found[kind][name] = colour
        elif not is_own:
            listed = ", ".join(sorted(known[kind]))
            problems.add(f"{name!r}: no {kind} of this patient; they are {listed}", row=number, column="name")
    problems.check()
    if not is_own:  # what stands there unchanged stays the program's choice
        made = dict(zip(result.patient.site_names, colours_of_sites(result.patient.sites)))
        found["site"] = {name: colour for name, colour in found["site"].items() if made[name] != colour}
        made = {} if result.trees is None else dict(zip(result.trees.names, clone_colours(result)))
        found["clone"] = {name: colour for name, colour in found["clone"].items() if made[name] != colour}
    return with_colours(result, sites=found["site"], clones=found["clone"])
