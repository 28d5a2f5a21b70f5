"""The copy-number tree as a panel beside the heat map: a leaf a row, branches as long as their events are many."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from phylometa.model.copy_number import CopyNumberResult
from phylometa.model.patient import Patient
from phylometa.plots.style import INK, MUTED, axes_size, percent, text_width

__all__ = ["children_of_nodes", "draw_copy_number_tree", "leaf_order"]

_SIZE = 5.5


def children_of_nodes(result: CopyNumberResult) -> dict[int, list[int]]:
    """Map each node to the nodes below it."""
    children: dict[int, list[int]] = {}
    for node, parent in enumerate(result.parents.tolist()):
        children.setdefault(parent, []).append(node)
    return children


def leaf_order(result: CopyNumberResult, patient: Patient) -> list[int]:
    """Order samples (indices into ``patient.samples``) from top to bottom, small clades first; those without
    copy number, which are not in the tree, come last."""
    children = children_of_nodes(result)
    index = {sample.name: i for i, sample in enumerate(patient.samples)}
    order: list[int] = []
    stack = [result.parents.tolist().index(-1)]
    while stack:
        node = stack.pop()
        if node < len(result.sample_names):
            order.append(index[result.sample_names[node]])
        below = children.get(node, [])
        stack.extend(sorted(below, key=lambda v: (-len(result.clade(v)), -v)))
    return [*order, *(i for i in range(len(patient.samples)) if i not in order)]


def draw_copy_number_tree(ax: Axes, result: CopyNumberResult, patient: Patient, order: list[int]) -> None:
    """Draw the tree on `ax`, whose rows are those of the heat map.

    Numbers are events on a branch, percentages the support of a clade; a double bar marks a genome doubling. What has
    no room of its own is left out (all stand in the tables).

    Parameters
    ----------
    ax : matplotlib Axes
    result : CopyNumberResult
    patient : Patient
    order : list of int
        From `leaf_order`.
    """
    children = children_of_nodes(result)
    row = {patient.samples[s].name: i + 0.5 for i, s in enumerate(order)}
    n_nodes = len(result.node_names)
    x, y = np.zeros(n_nodes), np.full(n_nodes, np.nan)
    root = result.parents.tolist().index(-1)
    visited, stack = [], [root]
    while stack:
        node = stack.pop()
        visited.append(node)
        for child in children.get(node, []):
            x[child] = x[node] + result.branch_lengths[child]
            stack.append(child)
    for node in reversed(visited):
        if node < len(result.sample_names):
            y[node] = row[result.sample_names[node]]
        elif children.get(node):
            y[node] = np.mean([y[child] for child in children[node]])
    width, height = axes_size(ax)
    right = max(1.0, float(x.max()))
    low, high = -0.02 * right, 1.02 * right
    ax.set_xlim(low, high)
    ax.set_ylim(len(order), 0)
    ax.set_axis_off()
    point = (high - low) / width, len(order) / height
    boxes: list[_Box] = []
    for node in visited[1:]:
        parent = int(result.parents[node])
        ax.plot([x[parent], x[parent], x[node]], [y[parent], y[node], y[node]], color=INK, linewidth=0.8)
        boxes.append((x[parent], y[node], x[node], y[node]))
        boxes.append((x[parent], min(y[parent], y[node]), x[parent], max(y[parent], y[node])))
        if node < len(result.sample_names):
            ax.plot([x[node], right], [y[node], y[node]], color=MUTED, linewidth=0.4, linestyle=(0, (1, 2)))
            boxes.append((x[node], y[node], right, y[node]))
        if result.doublings[node]:
            first = x[parent] + 0.2 * (x[node] - x[parent])
            for at in (first, first + 2.4 * point[0]):
                ax.plot([at, at], [y[node] - 3 * point[1], y[node] + 3 * point[1]], color=INK, linewidth=0.9)
                boxes.append((at, y[node] - 3 * point[1], at, y[node] + 3 * point[1]))
    middle = {node: 0.5 * (x[int(result.parents[node])] + x[node]) for node in visited[1:]}
    for node in visited[1:]:
        if result.branch_lengths[node]:
            text, above = f"{result.branch_lengths[node]}", y[node] - 3.7 * point[1]
            places = [(middle[node], above)]
            if node < len(result.sample_names):  # at the tip, which leaves room for the support beside the node above
                at_tip = x[node] - (0.5 * text_width(text, _SIZE) + 1.0) * point[0]
                places.insert(0, (max(at_tip, middle[node]), above))
            _write(ax, text, places, point, boxes, INK)
    for node in visited[1:]:
        if np.isfinite(result.support[node]):
            text = percent(float(result.support[node]))
            # at the node itself: above or below a branch that leaves it, it would seem to be that branch's
            beside = x[node] + 0.5 * text_width(text, _SIZE) * point[0] + 1.5 * point[0]
            places = [(beside, y[node]), (middle[node], y[node] + 3.7 * point[1])]
            _write(ax, text, places, point, boxes, MUTED)


_Box = tuple[float, float, float, float]


def _write(
    ax: Axes,
    text: str,
    places: list[tuple[float, float]],
    point: tuple[float, float],
    boxes: list[_Box],
    colour: str,
) -> None:
    """Write `text` around the first of `places` where it touches nothing and stays within the axes, or not at all."""
    half = 0.5 * text_width(text, _SIZE) * point[0], 0.5 * _SIZE * point[1]
    low, high = ax.get_xlim()
    for x, y in places:
        left, top, right, bottom = x - half[0], y - half[1], x + half[0], y + half[1]
        if left < low or right > high:
            continue
        if all(right <= b[0] or left >= b[2] or bottom <= b[1] or top >= b[3] for b in boxes):
            boxes.append((left, top, right, bottom))
            ax.text(x, y, text, fontsize=_SIZE, ha="center", va="center", color=colour, parse_math=False)
            return
