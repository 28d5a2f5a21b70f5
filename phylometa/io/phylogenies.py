"""Trees in Newick, NEXUS, NHX and BEAST files, with sites at the leaves from annotations or from a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from phylometa.errors import InputError
from phylometa.io.files import open_text
from phylometa.model.arrays import IntArray

__all__ = ["Phylogeny", "is_phylogeny", "match_site", "read_leaf_sites", "read_phylogenies"]

# Names under which annotations give a sequence's site.
SITE_KEYS = ("site", "location", "tissue", "organ", "state", "s")
_TOKEN = re.compile(r"\[(?P<comment>[^\]]*)\]|'(?P<quoted>(?:[^']|'')*)'|(?P<mark>[(),:;])|(?P<word>[^\s\[\]'(),:;]+)")


@dataclass(frozen=True, eq=False)
class Phylogeny:
    """One rooted tree.

    Parameters
    ----------
    names : tuple of str
        Of every vertex, parents first; unnamed ones are numbered ``n1``, ``n2``, ...
    parents : int64 array (n,)
        -1 at the root.
    lengths : float64 array (n,)
        Of the branch above; NaN if the file gives none.
    sites : tuple of str
        From annotations; empty if there is none.
    """

    names: tuple[str, ...]
    parents: IntArray
    lengths: np.ndarray
    sites: tuple[str, ...]

    @property
    def is_leaf(self) -> np.ndarray:
        """Vertices without children (n,)."""
        leaf = np.ones(len(self.parents), dtype=bool)
        leaf[self.parents[self.parents >= 0]] = False
        return leaf


def is_phylogeny(path: str | Path) -> bool:
    """Return whether a file is Newick or NEXUS: it begins with ``(``, ``#NEXUS`` or a comment before either."""
    with closing(open_text(Path(path), str(path))) as lines:
        for line in lines:
            text = re.sub(r"\[[^\]]*\]", "", line).strip()
            if text:
                return text.startswith("(") or text.upper().startswith("#NEXUS")
    return False


def read_phylogenies(path: str | Path) -> list[Phylogeny]:
    """Read all trees of a Newick file (also with NHX annotations) or of a NEXUS file (also of BEAST).

    Parameters
    ----------
    path : path
        Newick: one tree after the other, each ended by ``;``. NEXUS: the trees of its TREES blocks, names translated;
        the last block may be left open.

    Returns
    -------
    list of Phylogeny

    Raises
    ------
    InputError
        Naming the file, the tree and what is wrong with it.
    """
    path = Path(path)
    with closing(open_text(path, str(path))) as lines:
        text = "".join(lines)
    translate: dict[str, str] = {}
    if text.lstrip().upper().startswith("#NEXUS"):
        texts, translate = _nexus_trees(text, path)
    else:
        texts = [part for part in _split_trees(text) if part.strip()]
    if not texts:
        raise InputError("no tree found", file=str(path))
    return [_parse(part, translate, f"{path}", number) for number, part in enumerate(texts, start=1)]


def _split_trees(text: str) -> list[str]:
    """Newick texts, cut at semicolons outside quotes and comments."""
    parts, start = [], 0
    for token in _TOKEN.finditer(text):
        if token["mark"] == ";":
            parts.append(text[start : token.end()])
            start = token.end()
    return [*parts, text[start:]]


def _nexus_trees(text: str, path: Path) -> tuple[list[str], dict[str, str]]:
    found, translate = [], {}
    # A chain that was stopped, or still runs, leaves the block open.
    blocks = re.findall(r"begin\s+trees\s*;(.*?)(?:\bend(?:block)?\s*;|\Z)", text, flags=re.IGNORECASE | re.DOTALL)
    if not blocks:
        raise InputError("no TREES block", file=str(path))
    for block in blocks:
        for command in _split_trees(block):
            head = command.strip()
            if re.match(r"translate\b", head, flags=re.IGNORECASE):
                for pair in head[len("translate") :].rstrip("; \n\t").split(","):
                    parts = pair.split(None, 1)
                    if len(parts) == 2:
                        translate[parts[0]] = parts[1].strip().strip("'")
            elif match := re.match(r"u?tree\b(?:\[[^\]]*\]|[^=\[])*=", head, flags=re.IGNORECASE):
                found.append(head[match.end() :])
    return found, translate


class _Growing:
    """A tree that is being read: parents, names, branch lengths and sites of the nodes met so far, the root first."""

    def __init__(self) -> None:
        self.parents, self.names, self.lengths, self.sites = [-1], [""], [np.nan], [""]

    def add(self, parent: int) -> int:
        """Add a node and return its index."""
        self.parents.append(parent)
        self.names.append("")
        self.lengths.append(np.nan)
        self.sites.append("")
        return len(self.parents) - 1


def _parse(text: str, translate: Mapping[str, str], source: str, number: int) -> Phylogeny:
    """Read one Newick tree, the `number`-th of `source`."""

    def fail(what: str) -> InputError:
        return InputError(f"tree {number}: {what}", file=source)

    tree = _read_nodes(text, translate, fail)
    parents, names = tree.parents, tree.names
    has_child = {p for p in parents if p >= 0}
    unnamed = [v for v, name in enumerate(names) if not name and v not in has_child]
    if unnamed:
        raise fail(f"{len(unnamed)} leaves without a name")
    leaves = [names[v] for v in range(len(names)) if v not in has_child]
    if len(set(leaves)) != len(leaves):
        twice = sorted({name for name in leaves if leaves.count(name) > 1})[:3]
        raise fail(f"leaves of the same name: {', '.join(twice)}")
    names = _with_inner_names(names, has_child)
    return Phylogeny(tuple(names), np.array(parents, dtype=np.int64), np.array(tree.lengths), tuple(tree.sites))


def _read_nodes(text: str, translate: Mapping[str, str], fail: Callable[[str], InputError]) -> _Growing:
    """Read the nodes of a Newick tree, up to its semicolon."""
    tree = _Growing()
    current, depth = 0, 0
    expects_length = started = False
    for token in _TOKEN.finditer(text):
        if token["comment"] is not None:
            tree.sites[current] = _site_of_comment(token["comment"]) or tree.sites[current]
            continue
        mark = token["mark"]
        if mark == ";":
            break
        if mark == "(":
            current, depth, started = tree.add(current), depth + 1, True
        elif mark == ",":
            if not depth:
                raise fail("a comma outside parentheses")
            current = tree.add(tree.parents[current])
        elif mark == ")":
            if not depth:
                raise fail("a closing parenthesis too many")
            current, depth = tree.parents[current], depth - 1
        elif mark == ":":
            expects_length = True
            continue
        else:
            word = token["word"] if token["quoted"] is None else token["quoted"].replace("''", "'")
            if expects_length:
                try:
                    tree.lengths[current] = float(word)
                except ValueError:
                    raise fail(f"branch length {word!r} is not a number") from None
            else:
                tree.names[current] = translate.get(word, word)
        expects_length = False
    if depth:
        raise fail(f"{depth} closing parentheses missing")
    if not started:
        raise fail("no parentheses: not a Newick tree")
    return tree


def _with_inner_names(names: Sequence[str], has_child: Collection[int]) -> list[str]:
    """Name inner nodes that have no name of their own, as n1, n2, ...; bootstrap values are no names."""
    named = list(names)
    taken, inner = {name for v, name in enumerate(names) if v not in has_child}, 0
    for v, name in enumerate(names):
        if v in has_child and (not name or name in taken):
            inner += 1
            while f"n{inner}" in taken:
                inner += 1
            named[v] = f"n{inner}"
        taken.add(named[v])
    return named


def _site_of_comment(comment: str) -> str:
    """Site in an annotation: ``&&NHX:S=liver:...`` or BEAST's ``&location="liver",...``."""
    if not comment.startswith("&"):
        return ""
    separator = ":" if comment.startswith("&&NHX") else ","
    fields = {}
    for part in comment.lstrip("&").split(separator):
        name, equals, value = part.partition("=")
        if equals:
            fields[name.strip().lower()] = value.strip().strip("\"'")
    return next((fields[key] for key in SITE_KEYS if fields.get(key)), "")


def read_leaf_sites(path: str | Path) -> dict[str, str]:
    """Read leaf -> site from a table of two columns (tabs, commas or blanks); a first line ``leaf site`` is a header.

    Raises
    ------
    InputError
        A line without two columns, or a leaf with two sites.
    """
    found: dict[str, str] = {}
    with closing(open_text(Path(path), str(path))) as lines:
        for row, line in enumerate(lines, start=1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            cells = [cell.strip() for cell in re.split(r"\t|,", text)]
            cells = cells if len(cells) > 1 else text.split(None, 1)
            if len(cells) != 2 or not all(cells):
                raise InputError(f"{text!r}: expected leaf and site", file=str(path), row=row)
            if row == 1 and cells[1].lower() in SITE_KEYS:
                continue
            if found.setdefault(cells[0], cells[1]) != cells[1]:
                raise InputError(f"leaf {cells[0]!r} has two sites", file=str(path), row=row)
    return found


def match_site(wanted: str, sites: Sequence[str], *, what: str = "--primary") -> tuple[str, str]:
    """Find the site that a user means, and a note if it is not written as in the files.

    Parameters
    ----------
    wanted : str
    sites : sequence of str
    what : str
        What named it, for messages.

    Returns
    -------
    (site, note)
        The note is empty if the name is one of `sites`. Names that differ in case, blanks, ``_`` or ``-`` only are the
        same. A name that resembles none is taken as a site that was not sampled, which the note says.

    Raises
    ------
    InputError
        Several sites may be meant, or the name resembles one of them.

    Examples
    --------
    >>> match_site("Prostate", ["prostate", "bone"])[0]
    'prostate'
    """
    from difflib import get_close_matches

    if wanted in sites:
        return wanted, ""

    def plain(name: str) -> str:
        return re.sub(r"[\s_\-]+", "", name).casefold()

    same = [site for site in sites if plain(site) == plain(wanted)]
    if len(same) == 1:
        return same[0], f"{what} {wanted}: taken as {same[0]}, as the files write it"
    close = same or get_close_matches(wanted.casefold(), [site.casefold() for site in sites], cutoff=0.75)
    if close:
        raise InputError(f"{what} {wanted!r} is not a site of the tree; its sites are {', '.join(sorted(sites))}")
    return wanted, f"{what} {wanted}: no clone or leaf lies there; taken as a site that was not sampled"
