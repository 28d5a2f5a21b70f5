"""Migration histories: exact, complete optima of unobserved nodes, migrations, comigrations and seeding sites.

`infer_migration_histories` answers for one clone tree, `infer_history_ensemble` for a posterior over trees.
"""

from phylometa.migration.comigration import count_comigrations, count_consistent_comigrations
from phylometa.migration.ensemble import Scenario, infer_history_ensemble
from phylometa.migration.patterns import is_within_pattern, migration_pattern
from phylometa.migration.refined import infer_migration_histories

__all__ = [
    "Scenario",
    "count_comigrations",
    "count_consistent_comigrations",
    "infer_history_ensemble",
    "infer_migration_histories",
    "is_within_pattern",
    "migration_pattern",
]
