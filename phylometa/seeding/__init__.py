"""Seeding labels: what a migration history says in the words of the field, with its probability."""

from phylometa.model.labels import SeedingLabels
from phylometa.seeding.case import SeedingCase, classify_case, parse_case
from phylometa.seeding.classify import classify_seeding
from phylometa.seeding.evolution import DriverHit, RegionalEvent, copy_number_hits, driver_hits, parallel_evolution
from phylometa.seeding.labels import label_history
from phylometa.seeding.patient import classify_patient, classify_without_tree
from phylometa.seeding.presence_rules import tracerx_labels
from phylometa.seeding.sentences import HeadlineSentence, headline_sentences

__all__ = [
    "DriverHit",
    "HeadlineSentence",
    "RegionalEvent",
    "SeedingCase",
    "SeedingLabels",
    "classify_case",
    "classify_patient",
    "classify_seeding",
    "classify_without_tree",
    "copy_number_hits",
    "driver_hits",
    "headline_sentences",
    "label_history",
    "parallel_evolution",
    "parse_case",
    "tracerx_labels",
]
