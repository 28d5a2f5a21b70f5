"""What labels and their values are called in figures and report: one phrase each, spelled out."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["LABEL_WORDS", "PATIENT_ROWS", "SITE_COLUMNS", "label_name", "value_name"]

LABEL_WORDS = {
    "pattern": "Migration pattern",
    "clonality_site": "Seeding of the patient (per site)",
    "clonality_machina": "Seeding of the patient (per pair of sites)",
    "clonality_metient_genetic": "Genetic clonality (founding clones)",
    "phyletic": "Origin of the metastases in the primary",
    "phyletic_distant_only": "Origin of the distant metastases",
    "phyletic_mach2": "Origin, by departing clones",
    "phyletic_metient": "Origin, by founding clones",
    "phyletic_clade": "Origin, by the smallest clade",
    "seeding_clones_primary": "Clones that left the primary",
    "primary_seeded_sites": "Sites seeded by the primary",
    "reseeding_primary": "Reseeding of the primary",
    "self_seeding": "Self-seeding",
    "local_recurrence": "Local recurrence from the primary",
    "met_to_met": "Metastasis-to-metastasis seeding",
    "cascade": "Metastatic cascade",
    "cross_seeding": "Cross-seeding of metastases",
    "source_unobserved": "A source clone was not seen in the primary",
    "site_seeding": "Seeding",
    "site_sources": "Source",
    "ln_route": "Lymph-node route",
    "ongoing_evolution": "Ongoing evolution",
    "seeding_waves": "Waves",
    "repeated_seeding": "Repeated seeding",
    "founder_unobserved": "Founder not seen",
    "site_seeding_resolved": "Seeding, unseen founder granted",
}
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

_VALUES = {
    "True": "yes",
    "False": "no",
    "none": "none",
    "ambiguous": "not determined",
    "ln_mediated": "through a lymph node",
    "independent": "not through a lymph node",
    "mixed": "both ways",
}
_PATTERNS = {
    "none": "no migration",
    "PS": "parallel single-source",
    "S": "single-source",
    "M": "multi-source",
    "R": "cyclic (reseeding)",
}


def label_name(label: str) -> str:
    """What a label is called; its key where it has no phrase of its own.

    >>> label_name("ln_route"), label_name("my_own")
    ('Lymph-node route', 'my own')
    """
    return LABEL_WORDS.get(label, label.replace("_", " "))


def value_name(label: str, value: str) -> str:
    """What a value of a label is called.

    >>> value_name("pattern", "PS"), value_name("self_seeding", "False"), value_name("site_sources", "liver+lung")
    ('parallel single-source', 'no', 'liver, lung')
    """
    if label == "pattern" and value in _PATTERNS:
        return _PATTERNS[value]
    if label in ("site_sources", "primary_seeded_sites", "seeding_clones_primary"):
        return value.replace("+", ", ")  # names of sites and clones
    return _VALUES.get(value, value.replace("_", " "))


def most_probable_value(distribution: Mapping[str, float]) -> tuple[str, float]:
    """Value with the highest probability (ties: first by name) and that probability."""
    value = min(distribution, key=lambda name: (-distribution[name], name))
    return value, float(distribution[value])
