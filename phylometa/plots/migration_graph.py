"""Migration graph: sites in anatomical order, one edge a migrating clone, its width and label the probability.

Every edge ends in a short straight stub of its own, on which its label stands, so that labels cannot collide however
many edges enter a site.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from matplotlib.axes import Axes

from phylometa.data import Site
from phylometa.plots.history_ranking import ranked_histories
from phylometa.plots.scene import Scene, draw_scene, empty_scene, scene_width
from phylometa.plots.style import (
    COLUMN_WIDTHS,
    INK,
    SMALL_FONT_SIZE,
    clean_text,
    fit_text,
    percent,
    site_swatches,
    text_width,
)
from phylometa.trees import HistoryEnsemble, MigrationHistory, PatientResult

__all__ = ["Migration", "migration_edges", "migration_graph_scene", "plot_migration_graph"]

_MARGIN = 6.0
_PORT = 9.5
_NODE_GAP = 9.0
_NODE_MIN_HEIGHT = 22.0
_GREY = "#8c8c8c"
# Left to right: where the disease starts, what drains it, what lies far.
_COLUMN_OF_CLASS = {"primary": 0, "bed": 0, "lymph_node": 1, "distant": 2, "normal": 2}


@dataclass(frozen=True, slots=True)
class Migration:
    """One migrating clone between two sites.

    Parameters
    ----------
    source, target : int
        Sites.
    founding_clone : int
        The clone that arrives.
    departing_clones : tuple of int
        The clones it departs from, over the histories.
    probability : float
        Summed weight of the histories that contain it.
    is_drawn_history : bool
        Part of the history that is drawn in colour.
    """

    source: int
    target: int
    founding_clone: int
    departing_clones: tuple[int, ...]
    probability: float
    is_drawn_history: bool


def migration_edges(histories: HistoryEnsemble, drawn: MigrationHistory | None = None) -> tuple[Migration, ...]:
    """All migrations of the ensemble with their probability, by source, target and founding clone.

    Parameters
    ----------
    histories : HistoryEnsemble
    drawn : MigrationHistory, optional
        Its edges are marked; the most probable history where omitted.
    """
    if drawn is None:
        drawn = histories.best[1]
    probability: dict[tuple[int, int, int], float] = defaultdict(float)
    departing: dict[tuple[int, int, int], set[int]] = defaultdict(set)
    for _, history in histories:
        for key in {(int(s), int(t), int(v)) for _, s, v, t in history.migrations}:
            probability[key] += history.weight
        for u, s, v, t in history.migrations:
            departing[int(s), int(t), int(v)].add(int(u))
    marked = {(int(s), int(t), int(v)) for _, s, v, t in drawn.migrations}
    for u, s, v, t in drawn.migrations:
        probability[int(s), int(t), int(v)] += 0.0
        departing[int(s), int(t), int(v)].add(int(u))
    return tuple(
        Migration(*key, tuple(sorted(departing[key])), min(1.0, probability[key]), key in marked)
        for key in sorted(probability)
    )


@dataclass(slots=True)
class _Node:
    """A site's box and the ports on its left and right side."""

    column: int
    left: list[Migration]
    right: list[Migration]
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0


def migration_graph_scene(
    result: PatientResult,
    *,
    rank: int = 0,
    min_probability: float = 0.05,
    width: float = COLUMN_WIDTHS["double"],
) -> Scene:
    """The migration graph as a `Scene`; see `plot_migration_graph`."""
    title = f"Migration graph of {clean_text(result.patient.name)}"
    histories = result.histories
    ranked = [] if histories is None else ranked_histories(histories)
    if histories is None or not ranked:
        return empty_scene(width, "No migration history could be inferred from these samples.", title)
    history = ranked[rank][1]
    edges = migration_edges(histories, history)
    shown = [edge for edge in edges if edge.is_drawn_history or edge.probability >= min_probability]
    sites = result.patient.sites
    clones = tuple(clean_text(name) for name in result.trees.names) if result.trees else ()
    nodes = _columns(sites, shown)
    columns = sorted({node.column for node in nodes.values()})
    texts = {edge: _edge_text(edge, clones) for edge in shown}
    stub = max((text_width(text, SMALL_FONT_SIZE) for text in texts.values()), default=0.0) + 12
    has_right_ports = any(node.right for node in nodes.values())
    node_width = min(104.0, (width - 2 * _MARGIN - len(columns) * stub) / len(columns) - 12)
    node_width = max(node_width, 44.0)
    for node in nodes.values():
        node.width = node_width
        node.height = max(_NODE_MIN_HEIGHT, _PORT * max(len(node.left), len(node.right)) + 5)
    height = max(sum(node.height + _NODE_GAP for node in nodes.values() if node.column == column) for column in columns)
    usable = width - 2 * _MARGIN - node_width - (stub + 10 if has_right_ports else 0)
    for rank_of_column, column in enumerate(columns):
        members = [node for node in nodes.values() if node.column == column]
        free = height - sum(node.height for node in members)
        y = _MARGIN + free / (len(members) + 1)
        for node in members:
            node.x = _MARGIN + (usable * rank_of_column / (len(columns) - 1) if len(columns) > 1 else 0.0)
            node.y = y
            y += node.height + free / (len(members) + 1)
    hidden = len(edges) - len(shown)
    notes = [
        "Label: the clone that migrates and the probability of its migration. "
        f"Grey: not in the history drawn ({percent(history.weight)})."
    ]
    if not shown:
        notes = ["No migration: every clone stays in the site where it arose."]
    if hidden:
        notes.append(f"{hidden} migrations below {percent(min_probability)} are not drawn.")
    scene = Scene(
        width,
        _MARGIN + height + 10 * len(notes) + _MARGIN,
        title,
        f"{history.n_migrations} migrations between {len(sites)} sites in the history drawn.",
    )
    swatches = site_swatches(len(sites))
    for edge in sorted(shown, key=lambda e: (e.is_drawn_history, e.probability)):
        _draw_edge(scene, edge, nodes, texts[edge], stub, swatches[edge.source].colour, sites, clones)
    for index, node in nodes.items():
        site = sites[index]
        with scene.group(f"site-{index}", _site_tooltip(site), site=index):
            scene.rect(
                node.x,
                node.y,
                node.width,
                node.height,
                fill="#ffffff",
                stroke=INK,
                line_width=0.8,
                dash=(2.5, 1.5) if site.is_virtual else (),
            )
            scene.rect(node.x, node.y, 7, node.height, swatch=swatches[index], stroke=INK, line_width=0.8)
            middle = node.y + 0.5 * node.height
            scene.text(node.x + 11, middle - 4.2, site.name, weight="bold", room=node.width - 14)
            kind = site.site_class.replace("_", " ") + (", not sampled" if site.is_virtual else "")
            scene.note(node.x + 11, middle + 4.8, kind, room=node.width - 14)
    for i, note in enumerate(notes):
        scene.note(_MARGIN, _MARGIN + height + 10 * i + 5, note, room=width - 2 * _MARGIN)
    return scene


def _site_tooltip(site: Site) -> str:
    kind = site.site_class.replace("_", " ")
    return f"{clean_text(site.name)} ({kind}{', not sampled' if site.is_virtual else ''})"


def _edge_text(edge: Migration, clones: tuple[str, ...]) -> str:
    name = fit_text(clones[edge.founding_clone], 60, SMALL_FONT_SIZE)
    return f"{name}: {percent(edge.probability)}"


def _columns(sites: tuple[Site, ...], edges: list[Migration]) -> dict[int, _Node]:
    """A node for every site, in its column, with the edges that end at each of its sides, ordered to cross little."""
    nodes = {i: _Node(_COLUMN_OF_CLASS[site.site_class], [], []) for i, site in enumerate(sites)}
    position = {i: rank for rank, i in enumerate(nodes)}
    for edge in sorted(edges, key=lambda e: (position[e.source], e.founding_clone)):
        enters_left = nodes[edge.target].column > nodes[edge.source].column
        (nodes[edge.target].left if enters_left else nodes[edge.target].right).append(edge)
    return nodes


def _port_y(node: _Node, ports: list[Migration], edge: Migration) -> float:
    return node.y + 0.5 * node.height + (ports.index(edge) - 0.5 * (len(ports) - 1)) * _PORT


def _draw_edge(
    scene: Scene,
    edge: Migration,
    nodes: Mapping[int, _Node],
    text: str,
    stub: float,
    colour: str,
    sites: tuple[Site, ...],
    clones: tuple[str, ...],
) -> None:
    source, target = nodes[edge.source], nodes[edge.target]
    enters_left = target.column > source.column
    leaves_right = target.column >= source.column
    ports = target.left if enters_left else target.right
    side = -1.0 if enters_left else 1.0
    end_x = target.x if enters_left else target.x + target.width
    end_y = _port_y(target, ports, edge)
    stub_x = end_x + side * stub
    start_x = source.x + source.width if leaves_right else source.x
    start_y = source.y + 0.5 * source.height
    out = 1.0 if leaves_right else -1.0
    reach = max(14.0, 0.5 * abs(stub_x - start_x))
    line = 0.6 + 2.6 * edge.probability
    stroke = colour if edge.is_drawn_history else _GREY
    name = clones[edge.founding_clone]
    departing = ", ".join(clones[u] for u in edge.departing_clones)
    tooltip = (
        f"Clone {name} (from {departing}): {clean_text(sites[edge.source].name)} to "
        f"{clean_text(sites[edge.target].name)}, probability {percent(edge.probability)}"
    )
    with scene.group(
        f"edge-{edge.source}-{edge.target}-{edge.founding_clone}",
        tooltip,
        clone=edge.founding_clone,
        source=edge.source,
        target=edge.target,
    ):
        scene.path(
            [
                ("M", start_x, start_y),
                ("C", start_x + out * reach, start_y, stub_x + side * reach, end_y, stub_x, end_y),
                ("L", end_x + side * 5, end_y),
            ],
            stroke=stroke,
            line_width=line,
            dash=() if edge.is_drawn_history else (3.0, 2.0),
        )
        scene.arrow_head(end_x, end_y, (-side, 0), 5 + line, stroke)
        scene.small(end_x + side * (9 + line), end_y, text, anchor="end" if enters_left else "start", halo=True)


def plot_migration_graph(
    result: PatientResult,
    *,
    ax: Axes | None = None,
    rank: int = 0,
    min_probability: float = 0.05,
    width: str = "double",
) -> Axes:
    """Migration graph: one edge a migrating clone; width and label are its probability, alternatives grey and dashed.

    Parameters
    ----------
    result : PatientResult
    ax : matplotlib Axes, optional
        Drawn into; a new figure where omitted.
    rank : int
        History drawn in colour; 0 is the most probable.
    min_probability : float
        Alternatives below are counted in a note, not drawn.
    width : {"double", "single"}
        Journal columns; ignored where `ax` is given.

    Returns
    -------
    matplotlib.axes.Axes
    """
    scene = migration_graph_scene(result, rank=rank, min_probability=min_probability, width=scene_width(ax, width))
    return draw_scene(scene, ax)
