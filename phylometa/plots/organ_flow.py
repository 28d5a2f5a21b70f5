"""Migration between the organs of a cohort as a table of shares; rows of `phylometa.cohort.sites.organ_routes`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from phylometa.model.patient import Site, SiteClass
from phylometa.plots.history_overview import Migration
from phylometa.plots.migration_matrix import Mark, migration_matrix_scene
from phylometa.plots.scene import Scene
from phylometa.plots.style import percent

__all__ = ["organ_flow_scene"]

_CLASSES: dict[str, SiteClass] = {"primary": "primary", "bed": "bed", "lymph node": "lymph_node"}
# Organs drawn; a cohort with more shows those with the most migrations.
_MOST = 16
_LEGEND = (
    "Row: organ that a clone left; column: organ that it reached; number: share (%) of the pairs of sampled sites."
)


def organ_flow_scene(routes: Sequence[Any], *, width: float = 510.0) -> Scene | None:
    """Lay out a table of source by target organs, each cell the share of pairs of sites with a migration.

    Parameters
    ----------
    routes : sequence of SiteFrequency
    width : float
        Points.

    Returns
    -------
    Scene or None
        None if there is no route.
    """
    flow: dict[str, float] = defaultdict(float)
    for row in routes:
        for group in (row.group, row.value):
            flow[group] += row.mean * row.n_sites
    if not flow:
        return None
    ranked = sorted(flow, key=lambda group: (-flow[group], group))[:_MOST]
    names = sorted(ranked, key=lambda group: (list(_CLASSES).index(group) if group in _CLASSES else 9, -flow[group]))
    index = {name: i for i, name in enumerate(names)}
    marks = {}
    for row in routes:
        if row.group in index and row.value in index:
            edge = Migration(index[row.group], index[row.value], (), (), row.mean, is_in_history=False)
            tooltip = (
                f"{row.group} to {row.value}: {percent(row.mean)} ({percent(row.lo)} to {percent(row.hi)}) of "
                f"{row.n_sites} pairs of sites in {row.n_patients} patients"
            )
            marks[edge] = Mark(f"route-{edge.source}-{edge.target}", tooltip)
    notes = [f"{len(flow) - len(names)} organs with fewer migrations are left out"] if len(flow) > len(names) else []
    return migration_matrix_scene(
        [Site(name, _CLASSES.get(name, "distant")) for name in names],
        marks,
        notes,
        title="Migration between organs",
        description="; ".join(mark.tooltip for mark in list(marks.values())[:40]),
        width=width,
        legend=_LEGEND,
    )
