"""Patients with known truth: a generative model of history, clock, copy number and reads.

The model is written out in docs/methods/simulation.md.
"""

from phylometa.reference.genome import CALLABLE_MB
from phylometa.simulate.history import HistoryPlan, Population, Region
from phylometa.simulate.labels import true_labels, truth_document
from phylometa.simulate.patient import simulate_patient
from phylometa.simulate.presets import PRESETS, settings_from_text
from phylometa.simulate.settings import PATTERNS, SimulationSettings
from phylometa.simulate.sweeps import lose_populations
from phylometa.simulate.truth import CopyNumberEvent, SimulatedPatient, SimulationTruth
from phylometa.simulate.visible import VisibleTruth, visible_labels, visible_truth

__all__ = [
    "CALLABLE_MB",
    "PATTERNS",
    "PRESETS",
    "CopyNumberEvent",
    "HistoryPlan",
    "Population",
    "Region",
    "SimulatedPatient",
    "SimulationSettings",
    "SimulationTruth",
    "VisibleTruth",
    "lose_populations",
    "settings_from_text",
    "simulate_patient",
    "true_labels",
    "truth_document",
    "visible_labels",
    "visible_truth",
]
