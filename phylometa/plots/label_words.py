"""Which labels figures and report show, in which order, and the most probable value of one."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["PATIENT_ROWS", "SITE_COLUMNS", "most_probable_value"]

PATIENT_ROWS = (
    "pattern",
    "clonality_site",
    "phyletic",
    "phyletic_distant_only",
    "primary_seeded_sites",
    "seeding_clones_primary",
    "met_to_met",
    "cascade",
    "cross_seeding",
    "reseeding_primary",
    "self_seeding",
    "local_recurrence",
)
"""Labels of a patient in the order of the seeding matrix."""
SITE_COLUMNS = ("site_seeding", "site_sources", "seeding_waves", "ln_route", "ongoing_evolution")
"""Labels of a site in the order of the seeding matrix."""


def most_probable_value(distribution: Mapping[str, float]) -> tuple[str, float]:
    """Find the value with the highest probability (ties: first by name) and that probability."""
    value = min(distribution, key=lambda name: (-distribution[name], name))
    return value, float(distribution[value])
