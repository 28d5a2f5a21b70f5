"""Migration graph: sites in anatomical order, one edge per migrating clone, its line and label the probability.

Every edge ends in a short straight stub of its own, on which its label stands, so that labels cannot collide however
many edges enter a site.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from matplotlib.axes import Axes

from phylometa.model.history import MigrationHistory
from phylometa.model.patient import Site
from phylometa.model.result import PatientResult
from phylometa.plots.colours import site_swatches
from phylometa.plots.history_overview import HistoryOverview, Migration, best_ways, migration_edges, withheld_routes
from phylometa.plots.migration_matrix import Mark, migration_matrix_scene
from phylometa.plots.scene import MARGIN, NOTE_LINE, Scene, draw_scene, empty_scene, note_lines, scene_width
from phylometa.plots.style import (
    COLUMN_WIDTHS,
    FONT_SIZE,
    INK,
    NARROW,
    SMALL_FONT_SIZE,
    Swatch,
    clean_text,
    contrast,
    fit_text,
    percent,
    text_width,
    wrap_text,
)

__all__ = ["migration_graph_scene", "plot_migration_graph"]

_IN_PORT = 9.5
_OUT_PORT = 4.5
_NODE_GAP = 10.0
_CURVE = 24.0
_ARROW = 7.0
_GREY = "#8c8c8c"
# Lines by the probability of a migration itself, less two standard errors: thick, thin, dashed. The defaults of the
# levels of labels.
_SUPPORTED, _FAVOURED = 0.95 - 1e-9, 0.8 - 1e-9
_LEAST_NAMED = 0.05
_LINES = "Lines: thick from 95% and thin from 80% with two standard errors to spare, dashed otherwise."
_LEAST_CONTRAST = 3.0  # of a line against the page; lighter colours get a dark rim (WCAG 2.2, 1.4.11)
# More single clones than this and the edges between two sites are drawn as one.
_MAX_SINGLE_EDGES = 30
# More pairs of sites than these, at the two widths, and a table of probabilities takes the place of the graph.
_MAX_PAIRS, _MAX_PAIRS_NARROW = 30, 18
# Left to right: where the disease starts, what drains it, what lies far.
_COLUMN_OF_CLASS = {"primary": 0, "bed": 0, "lymph_node": 1, "distant": 2, "normal": 2}


@dataclass(slots=True)
class _Node:
    """A site's box and the edges at its left and right side: (edge, whether it enters here)."""

    site: Site
    column: int
    name: list[str] = field(default_factory=list)
    left: list[tuple[Migration, bool]] = field(default_factory=list)
    right: list[tuple[Migration, bool]] = field(default_factory=list)
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0

    @property
    def middle(self) -> float:
        return self.y + 0.5 * self.height

    def port(self, edge: Migration, is_entry: bool) -> float:
        """y at which `edge` meets the box."""
        side = self.left if (edge, is_entry) in self.left else self.right
        total = _ports_height(side)
        y = self.middle - 0.5 * total
        for other, other_enters in side:
            size = _IN_PORT if other_enters else _OUT_PORT
            if other is edge and other_enters == is_entry:
                return y + 0.5 * size
            y += size
        raise AssertionError("edge without a port")


def _ports_height(side: Sequence[tuple[Migration, bool]]) -> float:
    return sum(_IN_PORT if enters else _OUT_PORT for _, enters in side)


def migration_graph_scene(
    result: PatientResult,
    *,
    rank: int | None = 0,
    min_probability: float = 0.05,
    is_merged: bool | None = None,
    width: float = COLUMN_WIDTHS["double"],
    is_best: bool = False,
    names_candidates: bool = True,
    overview: HistoryOverview | None = None,
) -> Scene:
    """Lay out the migration graph as a `Scene`; see `plot_migration_graph`.

    `rank` None draws no history in particular: edges of at least `min_probability`, all in colour; with `is_best` only
    the most probable way into every site, and what else is more probable than not; `names_candidates` adds where else
    a site may have come from. Routes whose level is lower than
    their probability (`withheld_routes`) are drawn as not determined. `overview` saves ranking and summing the
    histories again if many are drawn.
    """
    title = f"Migration graph of {clean_text(result.patient.name)}"
    histories = result.histories
    if overview is None and histories is not None:
        overview = HistoryOverview(histories)
    if histories is None or overview is None or not overview.ranked:
        return empty_scene(width, "No migration history could be inferred from these samples.", title)
    history = overview.ranked[rank or 0][1]
    edges = migration_edges(histories, history, sums=overview.sums(bool(is_merged)))
    withheld = withheld_routes(result)
    edges = _marked(edges, withheld)
    shown = _worth_drawing(edges, rank, min_probability)
    is_narrow = width < NARROW
    if is_merged is None and (is_narrow or len(shown) > _MAX_SINGLE_EDGES):
        edges = _marked(migration_edges(histories, history, sums=overview.sums(True)), withheld)
        shown = _worth_drawing(edges, rank, min_probability)
    if is_best:
        shown = best_ways(edges)
    sites = result.patient.sites
    clones = tuple(clean_text(name) for name in result.trees.names) if result.trees else ()
    tooltips = {edge: _tooltip(edge, sites, clones) for edge in shown}
    description = _description(shown, sites)
    if is_merged is not False and len(shown) > (_MAX_PAIRS_NARROW if is_narrow else _MAX_PAIRS):
        marks = {edge: Mark(_key(edge), tooltips[edge], tuple(_data(edge).items())) for edge in shown}
        notes = [] if rank is None else [f"Framed: in the history drawn ({percent(history.weight)})."]
        notes += (
            (_candidates(edges, shown, sites) if names_candidates else [])
            if is_best
            else _hidden(edges, shown, min_probability)
        )
        return migration_matrix_scene(sites, marks, notes, title=title, description=description, width=width)
    is_bare = is_narrow or is_best
    texts = {edge: _bare_text(edge) if is_bare else _edge_text(edge, clones) for edge in shown}
    nodes = _place_nodes(sites, shown, texts, width)
    height = max(node.y + node.height for node in nodes.values())
    lines = _notes(edges, shown, history, rank, is_bare)
    if edges:
        lines += (
            (_candidates(edges, shown, sites) if names_candidates else [])
            if is_best
            else _hidden(edges, shown, min_probability)
        )
    notes = note_lines(lines, width - 2 * MARGIN)
    scene = Scene(width, height + MARGIN + NOTE_LINE * len(notes) + MARGIN, title, description or notes[0])
    swatches = site_swatches(sites)
    colours = {edge: swatches[edge.source].colour if edge.is_in_history or rank is None else _GREY for edge in shown}
    ordered = sorted(shown, key=lambda edge: (edge.is_in_history, edge.probability))
    lanes = _lanes(ordered, nodes)
    for edge in ordered:
        _draw_edge(scene, edge, nodes, texts[edge], colours[edge], tooltips[edge], lanes.get(edge))
    for index, node in nodes.items():
        _draw_node(scene, index, node, swatches[index])
    for edge in ordered:
        _draw_label(scene, edge, nodes, texts[edge], colours[edge], tooltips[edge])
    scene.notes(MARGIN, height + MARGIN + 5, notes)
    return scene


def _worth_drawing(edges: Sequence[Migration], rank: int | None, min_probability: float) -> list[Migration]:
    return [e for e in edges if e.probability >= min_probability - 1e-9 or (rank is not None and e.is_in_history)]


def _notes(
    edges: Sequence[Migration],
    shown: Sequence[Migration],
    history: MigrationHistory,
    rank: int | None,
    is_bare: bool,
) -> list[str]:
    if not edges:
        return ["No migration: every clone stays in the site where it arose."]
    if is_bare:
        notes = [f"Label: probability of a migration. {_LINES}"]
    elif all(len(edge.founding_clones) == 1 for edge in shown):
        notes = ["Label: the clone that migrates and the probability of its migration."]
    else:
        notes = ["Label: the probability of a migration; before it the clone that migrates, or the number of several."]
    if any(not edge.is_in_history for edge in shown) and rank is not None:
        notes[0] += f" Grey: not in the history drawn ({percent(history.weight)})."
    if not is_bare:
        notes.append(_LINES)
    return notes


def _marked(edges: Sequence[Migration], withheld: frozenset[tuple[int, int]]) -> tuple[Migration, ...]:
    return tuple(replace(edge, is_withheld=(edge.source, edge.target) in withheld) for edge in edges)


def _candidates(edges: Sequence[Migration], shown: Sequence[Migration], sites: Sequence[Site]) -> list[str]:
    """For every site whose way in is not sure, where else it may have come from."""
    notes = []
    for edge in shown:
        if edge.drawn_probability < _FAVOURED:
            others = sorted(
                (e for e in edges if e.target == edge.target and e not in shown and e.probability >= _LEAST_NAMED),
                key=lambda e: (-e.probability, e.source),
            )
            named = ", ".join(f"{clean_text(sites[e.source].name)} {percent(e.probability)}" for e in others[:3])
            if named:
                notes.append(f"{clean_text(sites[edge.target].name)} may also have come from {named}.")
    return list(dict.fromkeys(notes))


def _hidden(edges: Sequence[Migration], shown: Sequence[Migration], min_probability: float) -> list[str]:
    """A note on the migrations that are too improbable to draw."""
    hidden = len(edges) - len(shown)
    some = "1 migration" if hidden == 1 else f"{hidden} migrations"
    return [f"{some} with a probability below {percent(min_probability)} not drawn."] if hidden else []


def _description(shown: Sequence[Migration], sites: Sequence[Site]) -> str:
    pairs = sorted({(edge.source, edge.target) for edge in shown})
    listed = "; ".join(f"{clean_text(sites[s].name)} to {clean_text(sites[t].name)}" for s, t in pairs)
    return f"Migrations: {listed}." if pairs else ""


def _bare_text(edge: Migration) -> str:
    return ("? " if edge.drawn_probability < _FAVOURED else "") + percent(edge.probability)


def _edge_text(edge: Migration, clones: tuple[str, ...]) -> str:
    if len(edge.founding_clones) > 1:  # those of a history that is not drawn are the clones of all histories
        n = f"{len(edge.founding_clones)} clones: " if edge.is_in_history else ""
        return n + percent(edge.probability)
    return f"{fit_text(clones[edge.founding_clones[0]], 36, SMALL_FONT_SIZE)}: {percent(edge.probability)}"


def _tooltip(edge: Migration, sites: Sequence[Site], clones: tuple[str, ...]) -> str:
    noun = "Clone" if len(edge.founding_clones) == 1 else "Clones"
    arriving = ", ".join(clones[v] for v in edge.founding_clones)
    departing = ", ".join(clones[u] for u in edge.departing_clones)
    return (
        f"{noun} {arriving} (from {departing}): {clean_text(sites[edge.source].name)} to "
        f"{clean_text(sites[edge.target].name)}, probability {percent(edge.probability)}"
    )


def _place_nodes(
    sites: Sequence[Site], shown: Sequence[Migration], texts: Mapping[Migration, str], width: float
) -> dict[int, _Node]:
    """Boxes in columns, tall enough for a port of every edge, with room between columns for the labels."""
    most = 1 if width < NARROW else 2  # columns beside that of the primary
    nodes = {i: _Node(site, min(most, _COLUMN_OF_CLASS[site.site_class])) for i, site in enumerate(sites)}
    for edge in shown:
        source, target = nodes[edge.source], nodes[edge.target]
        (target.left if target.column > source.column else target.right).append((edge, True))
        (source.right if target.column >= source.column else source.left).append((edge, False))
    columns = sorted({node.column for node in nodes.values()})
    stubs = {}
    for column in columns:
        for name in ("left", "right"):
            sides = [getattr(node, name) for node in nodes.values() if node.column == column]
            entering = [texts[edge] for side in sides for edge, enters in side if enters]
            stubs[column, name] = max((text_width(t, SMALL_FONT_SIZE) + _ARROW + 6 for t in entering), default=0.0)
    gaps = [stubs[a, "right"] + stubs[b, "left"] + _CURVE for a, b in zip(columns, columns[1:])]
    last = stubs[columns[-1], "right"] + (10.0 if stubs[columns[-1], "right"] else 0.0)
    box = min(108.0, max(44.0, (width - 2 * MARGIN - sum(gaps) - last) / len(columns)))
    spare = max(0.0, width - 2 * MARGIN - sum(gaps) - last - box * len(columns))
    for node in nodes.values():
        node.name = wrap_text(node.site.name, box - 14, FONT_SIZE, "bold", lines=4)
        node.width = box
        node.height = max(10.0 * len(node.name) + 13, _ports_height(node.left) + 4, _ports_height(node.right) + 4)
    stacks = [[node.height + _NODE_GAP for node in nodes.values() if node.column == column] for column in columns]
    height = max(sum(stack) for stack in stacks) - _NODE_GAP
    x = MARGIN
    for rank, column in enumerate(columns):
        members = [node for node in nodes.values() if node.column == column]
        between = (height - sum(node.height for node in members)) / (len(members) + 1)
        gap = max(between, 0.0) if len(members) == 1 else max(_NODE_GAP, between)
        used = sum(node.height for node in members) + gap * (len(members) - 1)
        y = MARGIN + 0.5 * (height - used)
        for node in members:
            node.x, node.y = x, y
            y += node.height + gap
        if rank < len(gaps):
            x += box + gaps[rank] + spare / len(gaps)
    for node in nodes.values():
        for side in (node.left, node.right):
            side.sort(key=lambda port: _far_end(port, nodes))
    return nodes


def _far_end(port: tuple[Migration, bool], nodes: Mapping[int, _Node]) -> tuple[float, int, tuple[int, ...]]:
    """Sort key that keeps edges of one side from crossing near the box."""
    edge, enters = port
    other = nodes[edge.source if enters else edge.target]
    return (other.middle, int(enters), edge.founding_clones)


def _ends(edge: Migration, nodes: Mapping[int, _Node]) -> tuple[float, float, float, float, float, float]:
    """(x, y, outward direction) at the source and at the target."""
    source, target = nodes[edge.source], nodes[edge.target]
    out = 1.0 if target.column >= source.column else -1.0
    into = -1.0 if target.column > source.column else 1.0
    start_x = source.x + source.width if out > 0 else source.x
    end_x = target.x + target.width if into > 0 else target.x
    return start_x, source.port(edge, False), out, end_x, target.port(edge, True), into


def _lanes(edges: Sequence[Migration], nodes: Mapping[int, _Node]) -> dict[Migration, tuple[float, float, float]]:
    """(left, right, y) at which an edge that skips a column passes between the boxes of that column."""
    found: dict[Migration, tuple[float, float, float]] = {}
    middle = sorted((node for node in nodes.values() if node.column == 1), key=lambda node: node.y)
    passing = [edge for edge in edges if abs(nodes[edge.target].column - nodes[edge.source].column) > 1]
    if not middle:
        return found
    edges_of_boxes = [node.y for node in middle[1:]], [node.y + node.height for node in middle[:-1]]
    gaps = [(0.5 * (low + high), high - low) for high, low in zip(*edges_of_boxes)]
    gaps = [(middle[0].y - 5, 6.0), *gaps, (middle[-1].y + middle[-1].height + 5, 6.0)]
    chosen: dict[int, list[Migration]] = {}
    for edge in sorted(passing, key=lambda edge: nodes[edge.source].middle + nodes[edge.target].middle):
        ends = _ends(edge, nodes)
        straight = 0.5 * (ends[1] + ends[4])
        chosen.setdefault(min(range(len(gaps)), key=lambda i: abs(gaps[i][0] - straight)), []).append(edge)
    for i, members in chosen.items():
        step = min(3.5, (gaps[i][1] - 3) / max(1, len(members) - 1))
        for k, edge in enumerate(members):
            y = gaps[i][0] + (k - 0.5 * (len(members) - 1)) * step
            found[edge] = (middle[0].x - 4, middle[0].x + middle[0].width + 4, y)
    return found


def _data(edge: Migration) -> dict[str, Any]:
    data = {"source": edge.source, "target": edge.target}
    return {"clone": edge.founding_clones[0], **data} if len(edge.founding_clones) == 1 else data


def _key(edge: Migration) -> str:
    return f"edge-{edge.source}-{edge.target}-{'-'.join(str(v) for v in edge.founding_clones[:1])}"


def _line_width(edge: Migration) -> float:
    return 2.2 if edge.drawn_probability >= _SUPPORTED else 1.2 if edge.drawn_probability >= _FAVOURED else 0.9


def _draw_edge(
    scene: Scene,
    edge: Migration,
    nodes: Mapping[int, _Node],
    text: str,
    colour: str,
    tooltip: str,
    lane: tuple[float, float, float] | None,
) -> None:
    start_x, start_y, out, end_x, end_y, into = _ends(edge, nodes)
    stub_x = end_x + into * (text_width(text, SMALL_FONT_SIZE) + _ARROW + 6)
    if lane is not None:
        first, last, y = lane if out > 0 else (lane[1], lane[0], lane[2])
        a, b = 0.5 * (start_x + first), 0.5 * (last + stub_x)
        between = [("C", a, start_y, a, y, first, y), ("L", last, y), ("C", b, y, b, end_y, stub_x, end_y)]
        _draw_course(scene, edge, [("M", start_x, start_y), *between, ("L", end_x + into * 5, end_y)], colour, tooltip)
        return
    reach = max(10.0, 0.45 * abs(stub_x - start_x)) if out != into else max(10.0, min(26.0, 0.2 * abs(end_y - start_y)))
    course = [
        ("M", start_x, start_y),
        ("C", start_x + out * reach, start_y, stub_x + into * reach, end_y, stub_x, end_y),
        ("L", end_x + into * 5, end_y),
    ]
    _draw_course(scene, edge, course, colour, tooltip)


def _draw_course(scene: Scene, edge: Migration, course: Sequence[Any], colour: str, tooltip: str) -> None:
    """The line of an edge, with a dark rim if its colour is too light for the page."""
    with scene.group(_key(edge), tooltip, **_data(edge)):
        dash = () if edge.drawn_probability >= _FAVOURED else (3.0, 2.0)
        if contrast(colour, "#ffffff") < _LEAST_CONTRAST:
            scene.path(course, stroke=INK, line_width=_line_width(edge) + 0.7, dash=dash)
        scene.path(course, stroke=colour, line_width=_line_width(edge), dash=dash)


def _draw_label(
    scene: Scene, edge: Migration, nodes: Mapping[int, _Node], text: str, colour: str, tooltip: str
) -> None:
    _, _, _, end_x, end_y, into = _ends(edge, nodes)
    with scene.group(_key(edge), tooltip, is_button=True, **_data(edge)):
        length = text_width(text, SMALL_FONT_SIZE) + _ARROW + 4
        scene.rect(min(end_x, end_x + into * length), end_y - 0.5 * _IN_PORT, length, _IN_PORT, is_target=True)
        scene.arrow_head(end_x, end_y, (-into, 0), 4.5 + 0.8 * _line_width(edge), colour)
        scene.small(end_x + into * (_ARROW + 2), end_y, text, anchor="start" if into > 0 else "end", halo=True)


def _draw_node(scene: Scene, index: int, node: _Node, swatch: Swatch) -> None:
    kind = node.site.site_class.replace("_", " ") + (", not sampled" if node.site.is_virtual else "")
    with scene.group(f"site-{index}", f"{clean_text(node.site.name)} ({kind})", site=index):
        dash = (2.5, 1.5) if node.site.is_virtual else ()
        scene.rect(node.x, node.y, node.width, node.height, fill="#ffffff", stroke=INK, line_width=0.8, dash=dash)
        scene.rect(node.x, node.y, 7, node.height, swatch=swatch, stroke=INK, line_width=0.8)
        top = node.middle - 5 * len(node.name)
        for i, line in enumerate(node.name):
            scene.text(node.x + 11, top + 9.5 * i, line, weight="bold")
        scene.note(node.x + 11, top + 9.5 * len(node.name), kind, room=node.width - 14)


def plot_migration_graph(
    result: PatientResult,
    *,
    ax: Axes | None = None,
    rank: int | None = None,
    min_probability: float = 0.05,
    is_merged: bool | None = None,
    width: str | float = "double",
) -> Axes:
    """Draw the migration graph, one edge per migrating clone.

    Its line (thick from 95 %, thin from 80 %, less two standard errors; dashed below) and label are its own probability
    over all histories.

    Beyond 30 clones (or in one column) one edge per pair of sites; beyond 30 pairs (18 in one column), where lines
    could not be followed any more, a table of source by target sites.

    Parameters
    ----------
    result : PatientResult
    ax : matplotlib Axes, optional
        Drawn into; a new figure if omitted.
    rank : int or None
        History drawn in colour, all else grey; 0 is the most probable. None: no history in particular, all in colour.
    min_probability : float
        Alternatives below are counted in a note, not drawn.
    is_merged : bool, optional
        One edge per pair of sites; by default only if single clones would be too many to read.
    width : {"double", "single"} or float
        Journal columns (183 and 89 mm), or millimetres; ignored if `ax` is given.

    Returns
    -------
    matplotlib.axes.Axes
    """
    scene = migration_graph_scene(
        result, rank=rank, min_probability=min_probability, is_merged=is_merged, width=scene_width(ax, width)
    )
    return draw_scene(scene, ax)
