"""The clone tree beside the flow of clones: a branch per row, with its drivers, copy-number events and seedings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from phylometa.model.result import PatientResult
from phylometa.plots.arrivals import Arrival
from phylometa.plots.clone_tree import clone_drivers
from phylometa.plots.colours import clone_swatches, site_swatches
from phylometa.plots.scene import Scene
from phylometa.plots.style import (
    FONT_SIZE,
    INK,
    MUTED,
    SMALL_FONT_SIZE,
    Swatch,
    clean_text,
    fit_text,
    percent,
    text_width,
    wrap_text,
)
from phylometa.plots.tree_drawing import preorder_depths

__all__ = ["COPY_WORDS", "LEAST_EVENT", "copy_number_words", "draw_flow_tree", "flow_tree_height", "tree_rows"]

_RADIUS = 3.6
_LINE = 8.0
_FIRST = 10.0
_GAP = 3.0
_INDENT = 11.0
_CHIP = 5.0
_MANY, _COMPACT = 24, 8.5  # clones from which a row is one line, and its height
LEAST_EVENT = 0.5  # probability of a copy-number event
# Kind of event -> how it is written before its arms.
COPY_WORDS = {
    "doubling": "genome doubled",
    "gain": "gain",
    "amplification": "amplified",
    "loss": "loss",
    "loh": "LOH",
    "cn_loh": "copy-neutral LOH",
    "homozygous_deletion": "deleted",
    "gain+loss": "gain and loss",
}


@dataclass(frozen=True, slots=True)
class FlowRow:
    """One clone: index, depth, heading, drivers, lines of copy number, the sites it founded; all on one line if the
    tree is large (`is_compact`)."""

    clone: int
    depth: int
    count: str
    drivers: str
    events: tuple[str, ...]
    seeded: tuple[tuple[int, str], ...]

    is_compact: bool = False

    @property
    def height(self) -> float:
        if self.is_compact:
            return _COMPACT
        return _FIRST + _LINE * (bool(self.drivers) + len(self.events) + len(self.seeded)) + _GAP


def copy_number_words(result: PatientResult, clone: int) -> str:
    """List the copy-number events on the branch into `clone` that are as probable as not, by kind.

    Whole chromosomes and arms by name, others by their driver genes; events without either are not told.

    Parameters
    ----------
    result : PatientResult
    clone : int

    Returns
    -------
    str
        As ``gain 8q 20; LOH 17p``; empty without copy number of clones.
    """
    found = getattr(result.copy_number, "clones", None)
    if found is None or result.trees is None:
        return ""
    name = result.trees.names[clone]
    by_kind: dict[str, list[str]] = {}
    for event in found.events:
        if event.clone == name and event.probability >= LEAST_EVENT:
            words = [event.name] if event.name else list(event.genes)
            if words or event.kind == "doubling":
                known = by_kind.setdefault(event.kind, [])
                known += [word for word in words if word not in known]
    order = [kind for kind in COPY_WORDS if kind in by_kind]
    return "; ".join(" ".join([COPY_WORDS[kind], *by_kind[kind]]) for kind in order)


def tree_rows(result: PatientResult, arrivals: Sequence[Arrival], width: float) -> list[FlowRow]:
    """Lay out the clones of the most probable tree in rows, a parent above its children."""
    trees = result.trees
    assert trees is not None
    tree = trees.best
    order, depth = preorder_depths(tree.parents)
    is_compact = len(order) > _MANY
    rows = []
    for v in order:
        room = width - _indent(depth, width) * depth[v] - 2 * _RADIUS - 6
        drivers = ", ".join(clean_text(gene) for gene in clone_drivers(result, v))
        words = copy_number_words(result, v)
        events = tuple(wrap_text(words, room, SMALL_FONT_SIZE, lines=3)) if words else ()
        seeded = [(a.target, f"{clean_text(result.patient.sites[a.target].name)} {_support(a)}")
                  for a in arrivals if a.clone == v]  # fmt: skip
        number = tree.n_mutations[v]
        count = f"{number:,.0f} mutation{'s' * (round(number) != 1)}" if number else ""
        rows.append(FlowRow(v, depth[v], count, drivers, events, tuple(seeded), is_compact))
    return rows


def _support(arrival: Arrival) -> str:
    return ("? " if arrival.drawn_probability < 0.8 - 1e-9 else "") + percent(arrival.probability)


def _indent(depth: dict[int, int], width: float) -> float:
    return min(_INDENT, 0.4 * width / max(1, *depth.values()))


def flow_tree_height(rows: Sequence[FlowRow]) -> float:
    """Compute the height of the rows in points."""
    return sum(row.height for row in rows)


def draw_flow_tree(
    scene: Scene, result: PatientResult, rows: Sequence[FlowRow], left: float, top: float, width: float
) -> None:
    """Draw the rows of `tree_rows` with their upper left corner at (left, top)."""
    trees = result.trees
    assert trees is not None
    swatches, of_site = clone_swatches(result), site_swatches(result.patient.sites)
    support, parents = trees.edge_support, trees.best.parents
    step = _indent({row.clone: row.depth for row in rows}, width)
    place: dict[int, tuple[float, float]] = {}
    y = top
    for row in rows:
        place[row.clone] = left + _RADIUS + step * row.depth, y + 0.5 * min(_FIRST, row.height)
        y += row.height
    for row in rows:
        parent = int(parents[row.clone])
        if parent >= 0:
            (x0, y0), (x1, y1) = place[parent], place[row.clone]
            dash = (2.4, 1.6) if support[parent, row.clone] < 0.8 else ()
            scene.line([(x0, y0), (x0, y1), (x1, y1)], stroke=MUTED, line_width=0.9, dash=dash)
    for row in rows:
        _draw_row(scene, result, row, place[row.clone], left + width, swatches[row.clone], of_site)


def _draw_row(
    scene: Scene,
    result: PatientResult,
    row: FlowRow,
    at: tuple[float, float],
    right: float,
    swatch: Swatch,
    of_site: Sequence[Swatch],
) -> None:
    assert result.trees is not None
    x, y = at
    name = clean_text(result.trees.names[row.clone])
    parent = int(result.trees.best.parents[row.clone])
    edge = float(result.trees.edge_support[parent, row.clone]) if parent >= 0 else 1.0
    told = "; ".join(part for part in (row.count, row.drivers, *row.events) if part)
    with scene.group(f"clone-{row.clone}", f"Clone {name}: {told}", is_button=True, clone=row.clone):
        scene.circle(x, y, 0.75 * _RADIUS if row.is_compact else _RADIUS, swatch=swatch, stroke=INK, line_width=0.7)
        start = x + _RADIUS + 3
        if row.is_compact:
            _draw_compact(scene, row, name, start, y, right, of_site)
            return
        shown = fit_text(name, right - start, FONT_SIZE, "bold")
        scene.text(start, y, shown, weight="bold")
        after = start + text_width(shown, FONT_SIZE, "bold") + 4
        doubt = f" ({percent(edge)})" if edge < 0.99 else ""
        scene.note(after, y, row.count + doubt, room=right - after)
        y += 0.5 * _FIRST + 0.5 * _LINE
        if row.drivers:
            _draw_drivers(scene, row.drivers, start, y, right)
            y += _LINE
        for line in row.events:
            scene.small(start, y, line)
            y += _LINE
        for site, text in row.seeded:
            scene.line([(start, y), (start + 6, y)], stroke=INK, line_width=0.8)
            scene.arrow_head(start + 9, y, (1.0, 0.0), 4.5, INK)
            scene.rect(start + 12, y - 0.5 * _CHIP, _CHIP, _CHIP, swatch=of_site[site], stroke=INK, line_width=0.3)
            scene.small(start + 20, y, text, room=right - start - 20)
            y += _LINE


def _draw_drivers(scene: Scene, drivers: str, start: float, y: float, right: float) -> None:
    shown = fit_text(drivers, 0.96 * (right - start), SMALL_FONT_SIZE, "bold")  # slanted letters are wider
    scene.small(start, y, shown, style="italic", weight="bold")


def _draw_compact(
    scene: Scene, row: FlowRow, name: str, start: float, y: float, right: float, of_site: Sequence[Swatch]
) -> None:
    """Name, squares of the sites it founded, drivers."""
    name = fit_text(name, 0.5 * (right - start), SMALL_FONT_SIZE, "bold")
    scene.small(start, y, name, weight="bold")
    start += text_width(name, SMALL_FONT_SIZE, "bold") + 4
    if row.seeded:
        scene.arrow_head(start + 5, y, (1.0, 0.0), 4.5, INK)
        start += 7
        for site, _ in row.seeded:
            scene.rect(start, y - 0.5 * _CHIP, _CHIP, _CHIP, swatch=of_site[site], stroke=INK, line_width=0.3)
            start += _CHIP + 1.5
        start += 3
    if row.drivers and right - start > 12:
        _draw_drivers(scene, row.drivers, start, y, right)
