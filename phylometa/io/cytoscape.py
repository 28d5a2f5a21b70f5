"""Networks for Cytoscape and cytoscape.js: nodes and edges with their data as JSON (``.cyjs``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["cytoscape_document"]

Data = Mapping[str, str | float | bool]


def cytoscape_document(
    name: str, nodes: Mapping[str, Data], edges: Sequence[tuple[str, str, str, Data]]
) -> dict[str, Any]:
    """Make one directed network.

    Parameters
    ----------
    name : str
        Of the network.
    nodes : mapping
        Unique name -> further data.
    edges : sequence of (source, target, interaction, data)
        ``interaction`` is the word that Cytoscape shows between the names.
    """
    return {
        "format_version": "1.0",
        "generated_by": "phylometa",
        "data": {"name": name, "shared_name": name},
        "directed": True,
        "multigraph": False,
        "elements": {
            "nodes": [{"data": {**data, "id": node, "name": node, "value": node}} for node, data in nodes.items()],
            "edges": [
                {
                    "data": {
                        **data,
                        "id": f"{source} ({word}) {target}",
                        "source": source,
                        "target": target,
                        "interaction": word,
                    }
                }
                for source, target, word, data in edges
            ],
        },
    }
