"""Clone trees as other programs read them: names that no program takes for a number, a tip for every site of a clone,
and annotations as Newick, NHX or FigTree's NEXUS write them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from phylometa.model.arrays import BoolArray, FloatArray, IntArray, freeze_array
from phylometa.model.clone_tree import CloneTree, children_of

__all__ = ["AnnotatedTree", "annotate", "clone_names", "newick_text", "nexus_text", "safe_names", "with_site_tips"]

Notes = Mapping[str, str | float]

# Everything that has a meaning in Newick, NHX, NEXUS or the tables beside them.
_UNSAFE = re.compile(r"[^\w.+-]+")
_MARKS = re.compile(r"[:;,=&(){}\[\]'\"]+")


@dataclass(frozen=True, eq=False)
class AnnotatedTree:
    """A rooted tree whose vertices carry annotations.

    Parameters
    ----------
    names : tuple of str, length n
        Unique, of letters, digits and ``_ . + -`` only, never a number; every program reads them unquoted.
    parents : int64 array (n,)
        -1 at the root.
    lengths : float64 array (n,)
        Mutations on the branch above.
    support : float64 array (n,)
        Posterior probability of the branch above; NaN at the root and at tips that stand for a site.
    notes : tuple of mapping, length n
        Further annotations: word -> text or number.
    """

    names: tuple[str, ...]
    parents: IntArray
    lengths: FloatArray
    support: FloatArray
    notes: tuple[Notes, ...] = field(default=())

    def __post_init__(self) -> None:
        n = len(self.names)
        object.__setattr__(self, "notes", tuple(self.notes) or ({},) * n)
        freeze_array(self, "parents", np.int64, (n,))
        freeze_array(self, "lengths", np.float64, (n,))
        freeze_array(self, "support", np.float64, (n,))
        assert len(set(self.names)) == n == len(self.notes)

    @property
    def tips(self) -> tuple[str, ...]:
        """Names of the vertices without children."""
        inner = set(self.parents.tolist())
        return tuple(name for v, name in enumerate(self.names) if v not in inner)


def safe_names(names: Sequence[str]) -> tuple[str, ...]:
    """Remove from `names` characters that mean something in a tree file; if two become one, the later is numbered.

    Examples
    --------
    >>> safe_names(["left femur", "left (femur)", "left-femur"])
    ('left_femur', 'left_femur_2', 'left-femur')
    """
    found: dict[str, None] = {}
    for name in names:
        stem = _safe(name)
        safe, number = stem, 2
        while safe in found:
            safe, number = f"{stem}_{number}", number + 1
        found[safe] = None
    return tuple(found)


def clone_names(names: Sequence[str]) -> tuple[str, ...]:
    """Name clones as other programs shall see them: a number, which many take for a bootstrap value, gets a C first.

    Examples
    --------
    >>> clone_names(["1", "12", "germline"])
    ('C1', 'C12', 'germline')
    """
    words = [_safe(name) for name in names]
    return safe_names([f"C{word}" if re.match(r"[-+.\d]", word) else word for word in words])


def _safe(name: str) -> str:
    return _UNSAFE.sub("_", name).strip("_") or "unnamed"


def annotate(tree: CloneTree, support: Mapping[int, float], notes: Sequence[Notes] = ()) -> AnnotatedTree:
    """Annotate the tree with `clone_names`, mutations as branch lengths, and the support of the branch above a clone.

    Parameters
    ----------
    tree : CloneTree
    support : mapping
        Clone -> probability of the branch above it.
    notes : sequence of mapping, optional
        One per clone.
    """
    supports = np.array([support.get(v, math.nan) for v in range(tree.n_clones)])
    return AnnotatedTree(clone_names(tree.names), tree.parents, tree.n_mutations, supports, tuple(notes))


def with_site_tips(
    tree: AnnotatedTree, presence: BoolArray, site_names: Sequence[str], notes: Sequence[Sequence[Notes]] = ()
) -> AnnotatedTree:
    """Hang a tip ``<clone>_<site>`` of length 0 on every clone for each site in which it is present.

    Parameters
    ----------
    tree : AnnotatedTree
        With K vertices.
    presence : bool array (K, n_sites)
    site_names : sequence of str
    notes : sequence, optional
        ``notes[clone][site]``: annotations of that tip besides its ``clone`` and ``site``.
    """
    cells = [(int(v), int(t)) for v, t in np.argwhere(presence)]
    sites = safe_names(site_names)
    names = safe_names([*tree.names, *(f"{tree.names[v]}_{sites[t]}" for v, t in cells)])
    tips = tuple({"clone": tree.names[v], "site": site_names[t], **(notes[v][t] if notes else {})} for v, t in cells)
    return AnnotatedTree(
        names,
        np.array([*tree.parents, *(v for v, _ in cells)], dtype=np.int64),
        np.concatenate([tree.lengths, np.zeros(len(cells))]),
        np.concatenate([tree.support, np.full(len(cells), np.nan)]),
        (*tree.notes, *tips),
    )


def newick_text(tree: AnnotatedTree, style: str = "nhx") -> str:
    """Format one tree in Newick, without a line break.

    Parameters
    ----------
    tree : AnnotatedTree
    style : {"plain", "nhx", "figtree"}
        ``plain``: names and lengths only. ``nhx``: ``C2:12[&&NHX:B=0.98:site=liver]``, where B is the support (New
        Hampshire eXtended, Zmasek & Eddy 2001). ``figtree``: ``C2[&support=0.98,site="liver"]:12``, as FigTree and
        BEAST write it.
    """
    children = children_of(tree.parents)
    root = int(np.flatnonzero(tree.parents < 0)[0])
    parts: list[str] = []
    stack: list[int | str] = [root]
    while stack:  # no recursion: a chain may be longer than Python's stack
        item = stack.pop()
        if isinstance(item, str):
            parts.append(item)
            continue
        label = _label(tree, item, style)
        if not children[item]:
            parts.append(label)
            continue
        parts.append("(")
        stack.append(f"){label}")
        for k, child in enumerate(reversed(children[item])):
            stack += [",", child] if k else [child]
    return "".join(parts) + ";"


def _label(tree: AnnotatedTree, v: int, style: str) -> str:
    length = f":{tree.lengths[v]:.6g}"
    known = not math.isnan(tree.support[v])
    if style == "nhx":
        fields = [f"B={tree.support[v]:.4g}"] if known else []
        fields += [f"{word}={_nhx_value(value)}" for word, value in tree.notes[v].items()]
        return f"{tree.names[v]}{length}" + (f"[&&NHX:{':'.join(fields)}]" if fields else "")
    if style == "figtree":
        fields = [f"support={tree.support[v]:.4g}"] if known else []
        fields += [f"{word}={_figtree_value(word, value)}" for word, value in tree.notes[v].items()]
        return f"{tree.names[v]}" + (f"[&{','.join(fields)}]" if fields else "") + length
    assert style == "plain", style
    return f"{tree.names[v]}{length}"


def _nhx_value(value: str | float) -> str:
    return re.sub(r"\s+", "_", _MARKS.sub("_", value)) if isinstance(value, str) else f"{value:.6g}"


def _figtree_value(word: str, value: str | float) -> str:
    """Numbers and colours as they are, text in quotes; marks of Newick, which some readers heed there, are replaced."""
    if not isinstance(value, str) or word.startswith("!"):
        return value if isinstance(value, str) else f"{value:.6g}"
    return '"' + _MARKS.sub("_", value) + '"'


def nexus_text(trees: Mapping[str, AnnotatedTree]) -> str:
    """Format a NEXUS file of a TAXA and a TREES block with FigTree's annotations; every tree is marked as rooted.

    Parameters
    ----------
    trees : mapping
        Name of the tree -> tree. They have the same tips.
    """
    tips = sorted({tip for tree in trees.values() for tip in tree.tips})
    lines = ["#NEXUS", "begin taxa;", f"\tdimensions ntax={len(tips)};", "\ttaxlabels"]
    lines += [*(f"\t\t{tip}" for tip in tips), "\t;", "end;", "begin trees;"]
    lines += [f"\ttree {name} = [&R] {newick_text(tree, 'figtree')}" for name, tree in trees.items()]
    return "\n".join([*lines, "end;", ""])
