"""The order in which histories are shown."""

from __future__ import annotations

from phylometa.trees import HistoryEnsemble, MigrationHistory, TreeHistories

__all__ = ["ranked_histories"]


def ranked_histories(histories: HistoryEnsemble) -> list[tuple[TreeHistories, MigrationHistory]]:
    """(tree, history) pairs by falling weight; ties keep the ensemble's order."""
    return sorted(histories, key=lambda pair: -pair[1].weight)
