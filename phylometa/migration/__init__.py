"""Migration histories: exact, complete optima of unobserved nodes, migrations, comigrations and seeding sites.

`infer_migration_histories` answers for one clone tree, `infer_history_ensemble` for a posterior over trees,
`infer_origin` if the primary is unknown.
"""

from phylometa.migration.comigration import count_comigrations, count_consistent_comigrations
from phylometa.migration.ensemble import Scenario, infer_history_ensemble
from phylometa.migration.independent_tumours import OriginGroup, histories_of_independent_tumours
from phylometa.migration.infer import infer_migration_histories, open_routes
from phylometa.migration.origin import OriginPosterior, infer_origin
from phylometa.migration.over_clusterings import histories_of_trees, joint_histories
from phylometa.migration.patterns import is_within_pattern, migration_pattern

__all__ = [
    "OriginGroup",
    "OriginPosterior",
    "Scenario",
    "count_comigrations",
    "count_consistent_comigrations",
    "histories_of_independent_tumours",
    "histories_of_trees",
    "infer_history_ensemble",
    "infer_migration_histories",
    "infer_origin",
    "is_within_pattern",
    "joint_histories",
    "migration_pattern",
    "open_routes",
]
