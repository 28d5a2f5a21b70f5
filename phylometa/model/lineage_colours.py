"""Colours of clones by lineage: the hue tells the clade, the lightness how deep in it a clone lies.

The trunk is grey. Colours are chosen in OKLCH (Ottosson 2020, "A perceptual color space for image processing"), clade
by clade: of several hues and ranges of lightness the one whose nearest neighbour is farthest, to readers of normal
vision and to those who lack one cone type (Machado, Oliveira & Fernandes 2009, doi:10.1109/TVCG.2009.113). The tree
alone decides, so that a clone has one colour in all figures of a patient.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from phylometa.model.arrays import FloatArray
from phylometa.model.clone_tree import children_of

__all__ = ["clades_of", "colour_distance", "lineage_colours"]

# Degrees in OKLCH: blue, orange, green, pink, cyan, red, yellow, violet.
_HUES = (250.0, 60.0, 155.0, 345.0, 210.0, 25.0, 100.0, 300.0)
_MOST_CLADES = 7
_LARGE_CLADE = 4  # clones; a larger clade is split if hues are left
_CHROMA = 0.13
_GREYS = (0.78, 0.45)
# Lightness of the shallowest and deepest clone of a clade that are tried; one clone takes the middle.
_RANGES = ((0.80, 0.40), (0.74, 0.34), (0.86, 0.50), (0.66, 0.30), (0.88, 0.36), (0.60, 0.46), (0.84, 0.68))
_DRIFT = 24.0  # degrees of hue from one end of a large clade to the other
# Linear RGB as readers see it who lack one cone type (severity 1), and as all others do.
_VISIONS = np.array(
    [
        np.eye(3),
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ]
)
_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE = np.array([0.9505, 1.0, 1.089])


def _linear_rgb(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    """OKLCH to linear sRGB, which may lie outside [0, 1]."""
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _encoded(linear: float) -> float:
    """A channel of sRGB, in [0, 1]."""
    linear = min(max(linear, 0.0), 1.0)
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


@lru_cache(maxsize=4096)
def _hex(lightness: float, chroma: float, hue: float) -> str:
    """``#rrggbb`` of an OKLCH colour, its chroma reduced until a screen has it."""
    rgb = _linear_rgb(lightness, chroma, hue)
    while chroma > 0 and not -1e-4 <= min(rgb) <= max(rgb) <= 1 + 1e-4:
        chroma = max(0.0, chroma - 0.01)
        rgb = _linear_rgb(lightness, chroma, hue)
    return "#" + "".join(f"{round(255 * _encoded(value)):02x}" for value in rgb)


def _lab(colours: Sequence[str]) -> FloatArray:
    """CIE L*a*b* of ``#rrggbb`` colours as the four visions see them (4, n, 3)."""
    rgb = np.array([[int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] for colour in colours]).reshape(-1, 3)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.einsum("vij,nj->vni", _VISIONS, linear), 0, 1)
    xyz = seen @ _TO_XYZ.T / _WHITE
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    lab = np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)
    return np.asarray(lab, dtype=np.float64)


def colour_distance(first: Sequence[str], second: Sequence[str]) -> FloatArray:
    """CIE76 distance between every two ``#rrggbb`` colours (n, m), the smallest over normal vision and dichromacies.

    About 2.3 is just noticeable.

    >>> [round(float(x)) for x in colour_distance(["#ffffff"], ["#000000", "#ffffff"])[0]]
    [100, 0]
    """
    return _lab_distance(_lab(first), _lab(second))


def _lab_distance(a: FloatArray, b: FloatArray) -> FloatArray:
    """The smallest distance (n, m) over the visions of colours (4, n, 3) and (4, m, 3)."""
    distance = np.linalg.norm(a[:, :, None, :] - b[:, None, :, :], axis=-1).min(axis=0)
    return np.asarray(distance, dtype=np.float64)


def _preorder_below(children: Sequence[Sequence[int]], top: int) -> list[int]:
    found, stack = [], [top]
    while stack:
        vertex = stack.pop()
        found.append(vertex)
        stack.extend(reversed(children[vertex]))
    return found


def clades_of(parents: Sequence[int]) -> tuple[list[int], list[list[int]]]:
    """Divide a tree into its trunk and at most seven clades that share a hue.

    The trunk runs from the root to the first branching (of a tree without any it is the root). Every subtree below is
    a clade; the largest is split below its own first branching while it is large and hues are left.

    Parameters
    ----------
    parents : sequence of int, length K
        -1 at the root.

    Returns
    -------
    (list of int, list of list of int)
        Vertices from the shallow to the deep; clades by falling size.

    Examples
    --------
    >>> clades_of([-1, 0, 1, 1, 2])
    ([0, 1], [[2, 4], [3]])
    """
    children = children_of(np.asarray(parents))
    root = next(v for v, parent in enumerate(parents) if parent < 0)
    trunk = [root]
    while len(children[trunk[-1]]) == 1:
        trunk.append(children[trunk[-1]][0])
    if not children[trunk[-1]] and len(trunk) > 1:
        return trunk[:1], [trunk[1:]]
    clades = [_preorder_below(children, child) for child in children[trunk[-1]]]
    while True:
        clades.sort(key=lambda clade: (-len(clade), clade[0]))
        split = next((c for c in clades if len(c) > _LARGE_CLADE and _split(children, c) is not None), None)
        parts = None if split is None else _split(children, split)
        if split is None or parts is None or len(clades) + len(parts) - 1 > _MOST_CLADES:
            break
        clades = [clade for clade in clades if clade is not split] + parts
    depth = [0] * len(parents)
    for v in _preorder_below(children, root):
        depth[v] = depth[parents[v]] + 1 if parents[v] >= 0 else 0
    return trunk, [sorted(clade, key=lambda v: depth[v]) for clade in clades]


def _split(children: Sequence[Sequence[int]], clade: Sequence[int]) -> list[list[int]] | None:
    """The stem of a clade with all but the largest subtrees apart, None if it does not branch."""
    within = set(clade)
    stem = [clade[0]]
    while len(below := [c for c in children[stem[-1]] if c in within]) == 1:
        stem.append(below[0])
    if not below:
        return None
    return [stem, *(_preorder_below(children, child) for child in below)]


def _shades(n: int, hue: float, ends: tuple[float, float], chroma: float) -> list[str]:
    if n == 1:
        return [_hex(round(0.5 * (ends[0] + ends[1]), 4), chroma, hue)]
    steps = np.linspace(0.0, 1.0, n)
    drift = _DRIFT * min(1.0, (n - 1) / 6)
    return [
        _hex(round(float(ends[0] + (ends[1] - ends[0]) * t), 4), chroma, round(float(hue + drift * (t - 0.5)), 2))
        for t in steps
    ]


@lru_cache(maxsize=1024)
def _shades_of_clade(n: int, hue: float, ends: tuple[float, float]) -> tuple[list[str], FloatArray, float]:
    """Shades, their CIE L*a*b*, and the smallest distance between two of them."""
    shades = _shades(n, hue, ends, _CHROMA)
    lab = _lab(shades)
    return shades, lab, float((_lab_distance(lab, lab) + 1e3 * np.eye(n)).min())


@lru_cache(maxsize=64)
def lineage_colours(parents: tuple[int, ...]) -> tuple[str, ...]:
    """Choose one colour per clone of a tree, see the module.

    Parameters
    ----------
    parents : tuple of int, length K
        -1 at the root.

    Returns
    -------
    tuple of str
        ``#rrggbb``; far apart only as long as clones are few.

    Examples
    --------
    >>> len(set(lineage_colours((-1, 0, 0, 1, 1))))
    5
    """
    trunk, clades = clades_of(parents)
    colours = [""] * len(parents)
    greys = _shades(len(trunk), 0.0, (_GREYS[0], _GREYS[1] if len(trunk) > 1 else _GREYS[0]), 0.0)
    for v, colour in zip(trunk, greys):
        colours[v] = colour
    placed, free = list(greys), list(_HUES)
    for rank, clade in enumerate(clades):
        if not free:  # a root of many children: the hues between the first ones
            free = [hue + 22.5 * (rank // len(_HUES)) for hue in _HUES]
        best: tuple[float, list[str], float] | None = None
        placed_lab = _lab(placed)
        for hue in free:
            for ends in _RANGES:
                shades, lab, own = _shades_of_clade(len(clade), hue, ends)
                nearest = min(float(_lab_distance(lab, placed_lab).min()), own)
                if best is None or nearest > best[0] + 1e-9:
                    best = nearest, shades, hue
        assert best is not None
        _, shades, chosen = best
        free.remove(chosen)
        placed += shades
        for v, colour in zip(clade, shades):
            colours[v] = colour
    return tuple(colours)
