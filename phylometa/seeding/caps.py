"""How far a level may go by the quality of the input: which finding caps which statements, and what would lift it.

A level is a promise of calibration: of statements that are supported, at least 95 % are right. If a check fails, or
if the input is of a kind on which labels have not been calibrated, that promise cannot be kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from phylometa.model.certainty import LEVELS, Cap, statement_key
from phylometa.model.label_specs import EXTRA_LABELS, PATIENT_LABELS, SITE_EXTRAS, SITE_LABELS
from phylometa.model.quality import QualityFinding, QualityReport

__all__ = ["Caps", "find_caps"]

_Key = TypeVar("_Key", str, tuple[str, str])
_FAVOURED, _OPEN = "favoured", "not determined"
_OF_PATIENT = tuple(dict.fromkeys((*PATIENT_LABELS, *(name for name in EXTRA_LABELS if name not in SITE_EXTRAS))))
_OF_SITE = (*SITE_LABELS, *SITE_EXTRAS, "divergence")


@dataclass(frozen=True, slots=True)
class _Rule:
    """Caps that a finding sets: on the labels of its sites, on those of the patient, on those of other sites."""

    sites: str
    patient: str = ""
    others: str = ""


# Check -> what its findings with verdict ``warning`` or ``failed`` cap. Chosen with benchmarks/corruption_suite.py. A
# purity that the reads reject caps nothing: theirs is used, and 0 of 56 supported labels were wrong.
_RULES: Mapping[str, _Rule] = {
    "mislabelled_samples": _Rule(_OPEN, _OPEN, _FAVOURED),
    "contamination": _Rule(_OPEN, _OPEN),
    "purity": _Rule(""),
}
# Failed checks that have no rule of their own.
_FAILED = _Rule(_OPEN, _FAVOURED)
# Of the strata: every statement.
_STRATUM = _FAVOURED


@dataclass(frozen=True, slots=True)
class Caps:
    """Caps of labels by `statement_key`, and of routes by (source, target)."""

    labels: Mapping[str, Cap]
    routes: Mapping[tuple[str, str], Cap]


def find_caps(quality: QualityReport | None, sites: Sequence[str], found_later: Sequence[QualityFinding] = ()) -> Caps:
    """Find the caps that the quality of the input sets, and what was found of the histories.

    Parameters
    ----------
    quality : QualityReport or None
        None: nothing was checked, so nothing is capped.
    sites : sequence of str
    found_later : sequence of QualityFinding
        Findings of verdict ``warning`` that are none of the input's.

    Returns
    -------
    Caps
        Of several caps on one statement the lowest; of equal ones the first.
    """
    labels: dict[str, Cap] = {}
    routes: dict[tuple[str, str], Cap] = {}
    of_input = () if quality is None else (*quality.of_verdict("failed"), *quality.of_verdict("warning"))
    for finding in (*of_input, *found_later):
        rule = _rule_of(finding)
        if rule is None:
            continue
        touched = [site for site in sites if site in finding.sites] or list(sites)
        levels = {site: rule.sites if site in touched else rule.others for site in sites}
        for site, level in levels.items():
            for name in _OF_SITE:
                _lower(labels, statement_key(name, site), level, finding)
        for name in _OF_PATIENT:
            _lower(labels, name, rule.patient, finding)
        for source in sites:
            for target in sites:
                if source != target:
                    _lower(routes, (source, target), _lower_level(levels[source], levels[target]), finding)
    return Caps(labels, routes)


def _rule_of(finding: QualityFinding) -> _Rule | None:
    if finding.stratum:
        return _Rule(_STRATUM, _STRATUM, _STRATUM)
    if finding.check in _RULES:
        return _RULES[finding.check]
    return _FAILED if finding.verdict == "failed" else None


def _lower_level(one: str, other: str) -> str:
    """The lower of two levels; "" is none."""
    return min((level for level in (one, other) if level), key=LEVELS.index, default="")


def _lower(caps: dict[_Key, Cap], key: _Key, level: str, finding: QualityFinding) -> None:
    if level and (key not in caps or LEVELS.index(level) < LEVELS.index(caps[key].level)):
        about = f"{', '.join(finding.samples)}: " if finding.samples else ""
        reason = f"{finding.check.replace('_', ' ')} ({about}{finding.figure})"
        caps[key] = Cap(level, reason, finding.remedy)
