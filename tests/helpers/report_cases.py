"""Outcomes of a small cohort."""

import plot_results

from phylometa.cohort.job import Outcome


def cohort_outcomes():
    labels = {"pattern": {"PS": 0.9, "S": 0.1}, "clonality_site": {"monoclonal": 1.0}}
    sites = [{"name": "P", "is_virtual": False}, {"name": "liver", "is_virtual": False}]
    summary = {"n_samples": 3, "n_mutations": 40, "n_clusters": 4, "sites": sites, "warnings": ["one"]}
    summary |= {"labels": {"labels": labels}, "migration_graph": [["P", "liver", 0.9]]}
    name = plot_results.MALICIOUS[0]
    return [Outcome("A 1", "done", summary=summary), Outcome(name, "failed", f"samples.tsv: {name}", 3)]
