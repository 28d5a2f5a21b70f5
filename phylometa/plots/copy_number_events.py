"""The copy-number tree with the events of its branches: how many, and which chromosomes and arms."""

from __future__ import annotations

from matplotlib.axes import Axes

from phylometa.copy_number.arms import named_events, recurrent_names
from phylometa.model.copy_number import CopyNumberResult
from phylometa.model.patient import Patient
from phylometa.model.result import PatientResult
from phylometa.plots.colours import site_swatches
from phylometa.plots.copy_number_tree import children_of_nodes, leaf_order
from phylometa.plots.sample_names import short_sample_names
from phylometa.plots.scene import MARGIN, NOTE_LINE, Scene, draw_scene, empty_scene, note_lines, scene_width
from phylometa.plots.style import INK, MUTED, SMALL_FONT_SIZE, fit_text, percent, text_width

__all__ = ["copy_number_events_scene", "plot_copy_number_events"]

_ROW = 25.0
_SIZE = 5.5
_LINE = 6.5
_SWATCH = 6.0


def plot_copy_number_events(result: PatientResult, *, ax: Axes | None = None, width: str | float = "double") -> Axes:
    """Draw the copy-number tree, its branches labelled with their events.

    Above a branch stand the number of its events and the support of the samples right of it, below it the events that
    cover a chromosome or an arm, those of several branches with an asterisk; a double bar marks a genome doubling.
    Branches are not drawn to scale.

    Parameters
    ----------
    result : PatientResult
    ax : matplotlib Axes, optional
        Drawn into; a new figure if omitted.
    width : {"double", "single"} or float
        Journal columns (183 and 89 mm), or millimetres; ignored if `ax` is given.

    Returns
    -------
    matplotlib.axes.Axes
    """
    return draw_scene(copy_number_events_scene(result, width=scene_width(ax, width)), ax)


def copy_number_events_scene(result: PatientResult, *, width: float) -> Scene:
    """Lay out the shapes of `plot_copy_number_events`, `width` points wide."""
    title = "Copy-number events"
    found = result.copy_number
    if found is None or len(found.sample_names) < 2:
        return empty_scene(width, "No copy-number tree: it needs copy number in two samples.", title)
    patient: Patient = result.patient.in_place
    order = [s for s in leaf_order(found, patient) if patient.samples[s].name in found.sample_names]
    short = short_sample_names(patient)
    names = [fit_text(short[s], 0.2 * width, SMALL_FONT_SIZE) for s in order]
    names_width = 4 + _SWATCH + 3 + max(text_width(name, SMALL_FONT_SIZE) for name in names)
    notes = note_lines(_notes(found), width - 2 * MARGIN)
    height = len(order) * _ROW + 2 * MARGIN + NOTE_LINE * len(notes) + 4
    scene = Scene(width, height, title, f"{found.tree_length} events on the branches of the copy-number tree.")
    x, y = _places(found, patient, order, MARGIN, width - MARGIN - names_width)
    events, recurrent = named_events(found), recurrent_names(found)
    swatches = site_swatches(patient.sites)
    for row, s in enumerate(order):
        tip = width - MARGIN - names_width + 4
        middle = MARGIN + (row + 0.5) * _ROW
        swatch = swatches[patient.sample_site[s]]
        scene.rect(tip, middle - _SWATCH / 2, _SWATCH, _SWATCH, swatch=swatch, stroke=INK, line_width=0.4)
        scene.small(tip + _SWATCH + 3, middle, names[row])
    for v, parent in enumerate(found.parents.tolist()):
        if parent < 0:
            continue
        with scene.group(f"branch-{v}", found.node_names[v]):
            scene.line([(x[parent], y[parent]), (x[parent], y[v]), (x[v], y[v])])
            _label_branch(scene, found, v, (x[parent], x[v], y[v]), events, recurrent)
    scene.notes(MARGIN, height - MARGIN - NOTE_LINE * (len(notes) - 0.5), notes)
    return scene


def _notes(found: CopyNumberResult) -> list[str]:
    texts = ["Above a branch: its events (all); support. Below: events of whole arms (* on several branches)."]
    if found.wgd_branches:
        texts.append("Double bar: genome doubling.")
    test = found.parallel_test
    if test is not None:
        texts.append(
            f"Parallel events: {test.observed}, {test.expected:.1f} expected by chance (p = {test.p_value:.2g})."
        )
    return texts


def _places(
    found: CopyNumberResult, patient: Patient, order: list[int], left: float, right: float
) -> tuple[list[float], list[float]]:
    """Nodes in points: level by level from the left, samples at the right end, one in the middle of each row."""
    children = children_of_nodes(found)
    root = found.parents.tolist().index(-1)
    n_samples = len(found.sample_names)
    level, stack, visited = {root: 0}, [root], []
    while stack:
        node = stack.pop()
        visited.append(node)
        for child in children.get(node, []):
            # nothing joins the samples below a branch without events: its children hang from the node above
            is_joined = found.branch_lengths[child] > 0 or child < n_samples or level[node] == 0
            level[child] = level[node] + is_joined
            stack.append(child)
    deepest = max([level[v] for v in visited if v > n_samples], default=0)
    step = (right - left) / (deepest + 1)
    row = {patient.samples[s].name: i for i, s in enumerate(order)}
    x, y = [left] * len(found.node_names), [0.0] * len(found.node_names)
    for v in reversed(visited):
        x[v] = right if v < n_samples else left + step * level[v]
        if v < n_samples:
            y[v] = MARGIN + (row[found.node_names[v]] + 0.5) * _ROW
        else:
            below = [y[child] for child in children[v]]
            y[v] = sum(below) / len(below)
    return x, y


def _label_branch(
    scene: Scene,
    found: CopyNumberResult,
    v: int,
    place: tuple[float, float, float],
    events: dict[str, list[tuple[str, int]]],
    recurrent: frozenset[str],
) -> None:
    start, end, y = place
    start += 2.5
    if found.doublings[v]:
        for shift in (2.0, 4.4):
            scene.line([(start + shift, y - 3.5), (start + shift, y + 3.5)], line_width=0.9)
        start += 7.5
    room = end - start - 2.5
    count = fit_text(str(found.branch_lengths[v]), room, _SIZE)
    if found.branch_lengths[v] and count:
        scene.text(start, y - 4.5, count, size=_SIZE, weight="bold")
    support = percent(float(found.support[v])) if found.support[v] == found.support[v] else ""
    taken = text_width(count, _SIZE, "bold") + 3
    if support and taken + text_width(support, _SIZE) <= room:
        scene.text(start + taken, y - 4.5, support, size=_SIZE, colour=MUTED)
    words = [
        name + ("" if n == 1 else f"\N{MULTIPLICATION SIGN}{n}") + ("*" if name in recurrent else "")
        for name, n in events.get(found.node_names[v], [])
    ]
    for i, line in enumerate(_flow(words, room, lines=2)):
        scene.text(start, y + 4.5 + _LINE * i, line, size=_SIZE)


def _flow(words: list[str], room: float, *, lines: int) -> list[str]:
    """Words set in at most `lines` lines of `room` points; how many had no room stands at the end."""
    placed: list[str] = []
    for i, word in enumerate(words):
        rest = f" and {len(words) - i - 1}" if i + 1 < len(words) else ""
        longer = f"{placed[-1]} {word}" if placed else word
        is_last_line = len(placed) == lines
        if placed and text_width(longer + (rest if is_last_line else ""), _SIZE) <= room:
            placed[-1] = longer
        elif len(placed) < lines and text_width(word + (rest if len(placed) + 1 == lines else ""), _SIZE) <= room:
            placed.append(word)
        else:
            left = f"{'and ' if placed else ''}{len(words) - i}"
            if not placed:
                return [left] if text_width(left, _SIZE) <= room else []
            if text_width(f"{placed[-1]} {left}", _SIZE) <= room:
                placed[-1] = f"{placed[-1]} {left}"
            return placed
    return placed
