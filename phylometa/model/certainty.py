"""How sure a statement may be: its level, by probability, Monte-Carlo error, evidence and quality of the input."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from phylometa.config import SeedingSettings
from phylometa.model.label_specs import label_name
from phylometa.model.short_repr import short_repr

__all__ = [
    *("CAP_KEYS", "LEVELS", "Cap", "Carrier", "Certainty", "Convergence", "Evidence", "RouteStatement"),
    *("decide_level", "each_statement", "level_word", "statement_key"),
]

LEVELS = ("not determined", "favoured", "supported")
"""From the least to the most sure."""
_ROUNDING = 1e-9  # sums of weights carry rounding errors of this order
SURE_ERRORS = 2.0
"""Monte-Carlo standard errors within which a level must not change."""


def level_word(probability: float, settings: SeedingSettings) -> str:
    """Name the level of a probability that nothing else limits.

    Examples
    --------
    >>> [level_word(p, SeedingSettings()) for p in (0.97, 0.8, 0.5)]
    ['supported', 'favoured', 'not determined']
    """
    if probability >= settings.headline_probability - _ROUNDING:
        return "supported"
    return "favoured" if probability >= settings.favoured_probability - _ROUNDING else "not determined"


@dataclass(frozen=True, slots=True)
class Cap:
    """The highest level that a statement may have, whatever its probability.

    Parameters
    ----------
    level : {"favoured", "not determined"}
    reason : str
        What is wrong with the input.
    remedy : str
        What data would lift the cap.
    """

    level: str
    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Carrier:
    """A mutation without which a statement falls, and its reads in the sample that shows it most.

    A copy-number event has no reads: 0 of 0.
    """

    mutation: str
    gene: str
    sample: str
    alt: int
    depth: int

    @property
    def text(self) -> str:
        name = self.gene or self.mutation
        if not self.depth:
            return f"{name}, a copy-number event of {self.sample}"
        return f"{name}, {self.alt} of {self.depth} reads in {self.sample}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is left of a statement without the clones of few mutations.

    Parameters
    ----------
    without_one, without_two : float
        Probability if every clone of one mutation, or of at most two, is merged with its parent.
    carriers : tuple of Carrier
        Single mutations without any one of which it falls below `favoured`.
    """

    without_one: float
    without_two: float
    carriers: tuple[Carrier, ...] = ()

    def rests_on(self, settings: SeedingSettings) -> int | None:
        """Return the mutations (1 or 2) of the clones that carry the statement; None if it stands without them."""
        for number, left in ((1, self.without_one), (2, self.without_two)):
            if left < settings.favoured_probability - _ROUNDING:
                return number
        return None


def decide_level(
    probability: float,
    settings: SeedingSettings,
    *,
    mcse: float = 0.0,
    convergence: Convergence | None = None,
    evidence: Evidence | None = None,
    cap: Cap | None = None,
) -> tuple[str, str]:
    """Decide the level of a statement: the one place that does.

    Parameters
    ----------
    probability : float
    settings : SeedingSettings
    mcse : float
        Monte-Carlo standard error: what could fall within two of them is not claimed.
    convergence : Convergence, optional
        If the run has not converged, the error of what differs between draws is no less than what a mode could hold
        that the chains missed: half of one of its effective draws.
    evidence : Evidence, optional
        Nothing is supported that falls below `favoured` without the clones of one mutation.
    cap : Cap, optional

    Returns
    -------
    level, could_be : str
        The level, and the higher one that more draws could give; "" if there is none.

    Examples
    --------
    >>> decide_level(0.97, SeedingSettings()), decide_level(0.97, SeedingSettings(), mcse=0.02)
    (('supported', ''), ('favoured', 'supported'))
    """
    if convergence is not None and not convergence.is_converged and mcse > 0.0:
        mcse = math.hypot(mcse, 0.5 * max(probability, 1.0 - probability) / (convergence.effective_draws + 1.0))
    ranks = [LEVELS.index(level_word(probability + sign * SURE_ERRORS * mcse, settings)) for sign in (-1.0, 1.0)]
    limit = len(LEVELS) - 1
    if evidence is not None and evidence.rests_on(settings) == 1:
        limit = LEVELS.index("favoured")
    if cap is not None:
        limit = min(limit, LEVELS.index(cap.level))
    least, most = (min(rank, limit) for rank in ranks)
    return LEVELS[least], LEVELS[most] if most > least else ""


def statement_key(label: str, site: str = "") -> str:
    """Key of a label, ``label`` or ``label:site``."""
    return f"{label}:{site}" if site else label


def each_statement(labels: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, float]]]:
    """All distributions of ``label -> {value: p}`` or ``label -> site -> {value: p}``: label, site or "", values."""
    for name, part in labels.items():
        is_of_sites = bool(part) and all(isinstance(values, Mapping) for values in part.values())
        for site, values in part.items() if is_of_sites else [("", part)]:
            if values:
                yield name, site, values


@dataclass(frozen=True, slots=True)
class Convergence:
    """How well the draws agree on what is stated.

    Parameters
    ----------
    n_draws, n_chains : int
    largest_mcse, largest_r_hat : float
        Over the most probable value of every label and over all routes; NaN if chains are too short for an R-hat.
    mcse_of, r_hat_of : str
        The statements that have them.
    effective_draws : float
        The least.
    is_converged : bool
    """

    n_draws: int
    n_chains: int
    largest_mcse: float
    mcse_of: str
    largest_r_hat: float
    r_hat_of: str
    effective_draws: float
    is_converged: bool

    @property
    def text(self) -> str:
        """What has not converged, and the remedy; empty if all has."""
        if self.is_converged:
            return ""
        apart = (
            f", and its chains disagree on {_in_words(self.r_hat_of)} (R-hat {self.largest_r_hat:.2f})"
            if self.largest_r_hat > LARGEST_R_HAT
            else ""
        )
        return (
            f"the search has not converged: {_in_words(self.mcse_of)} has a standard error of "
            f"{self.largest_mcse:.2f} (the {self.n_draws} draws of {self.n_chains} chains are worth "
            f"{self.effective_draws:.0f}){apart}; levels are those that "
            f"hold within two standard errors; {PROLONG}"
        )


LARGEST_R_HAT = 1.1
"""R-hat above which chains are said to disagree."""
PROLONG = "to prolong the run raise joint_rounds (table [trees] of the file given with --config)"


def _in_words(key: str) -> str:
    label, _, site = key.partition(":")
    return label_name(label) + (f" of {site}" if site else "")


@dataclass(frozen=True, slots=True)
class RouteStatement:
    """That at least one clone migrated from one site to another."""

    source: str
    target: str
    probability: float
    level: str
    mcse: float | None = None
    could_be: str = ""
    cap: Cap | None = None
    evidence: Evidence | None = None


@dataclass(frozen=True, eq=False)
class Certainty:
    """What limits the levels of a patient's statements.

    Parameters
    ----------
    mcse : mapping
        Monte-Carlo standard error of every probability, in the form of the labels; empty if clusters were given.
    could_be : mapping
        `statement_key` -> the level that more draws could give it.
    caps : mapping
        `statement_key` -> `Cap`.
    evidence : mapping
        `statement_key` -> `Evidence`, of statements that are at least favoured.
    routes : tuple of RouteStatement
    convergence : Convergence or None
        None if clusters were given.
    """

    mcse: Mapping[str, Any] = field(default_factory=dict)
    could_be: Mapping[str, str] = field(default_factory=dict)
    caps: Mapping[str, Cap] = field(default_factory=dict)
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    routes: tuple[RouteStatement, ...] = ()
    convergence: Convergence | None = None

    __repr__ = short_repr

    def error_of(self, label: str, site: str, value: str) -> float:
        """Return the Monte-Carlo standard error of one value of a label; 0 if there is none."""
        part = self.mcse.get(label, {})
        return float((part.get(site, {}) if site else part).get(value, 0.0))

    def to_json(self, settings: SeedingSettings) -> dict[str, Any]:
        """Return the keys of labels.json: ``mcse could_be caps rests_on routes convergence``."""
        return {
            "mcse": {
                "labels": _rounded(self.mcse),
                "routes": [[r.source, r.target, round(r.mcse, 6)] for r in self.routes if r.mcse is not None],
            }
            if self.mcse
            else None,
            "could_be": dict(self.could_be),
            "caps": {key: _cap_to_json(cap) for key, cap in self.caps.items()},
            "rests_on": {key: _evidence_to_json(found, settings) for key, found in self.evidence.items()},
            "routes": [
                {
                    "source": r.source,
                    "target": r.target,
                    "probability": round(r.probability, 6),
                    "status": r.level,
                    "mcse": None if r.mcse is None else round(r.mcse, 6),
                    "could_be": r.could_be,
                    **(_cap_to_json(r.cap) if r.cap else {}),
                    **({"rests_on": _evidence_to_json(r.evidence, settings)} if r.evidence else {}),
                }
                for r in self.routes
            ],
            "convergence": None if self.convergence is None else _rounded(asdict(self.convergence)),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Certainty:
        """Read the keys that `to_json` wrote."""
        routes = tuple(
            RouteStatement(
                **{name: entry[name] for name in ("source", "target", "probability", "mcse", "could_be")},
                level=entry["status"],
                cap=_cap_from_json(entry) if "cap" in entry else None,
                evidence=_evidence_from_json(entry["rests_on"]) if "rests_on" in entry else None,
            )
            for entry in document["routes"]
        )
        convergence = document["convergence"]
        if convergence is not None and convergence["largest_r_hat"] is None:  # what is not a number is null in JSON
            convergence = {**convergence, "largest_r_hat": math.nan}
        return cls(
            mcse=(document["mcse"] or {}).get("labels", {}),
            could_be=document["could_be"],
            caps={key: _cap_from_json(entry) for key, entry in document["caps"].items()},
            evidence={key: _evidence_from_json(entry) for key, entry in document["rests_on"].items()},
            routes=routes,
            convergence=None if convergence is None else Convergence(**convergence),
        )


CAP_KEYS = ("cap", "cap_reason", "lifted_by")


def _cap_to_json(cap: Cap) -> dict[str, Any]:
    return dict(zip(CAP_KEYS, (cap.level, cap.reason, cap.remedy)))


def _cap_from_json(entry: Mapping[str, Any]) -> Cap:
    return Cap(*(entry[name] for name in CAP_KEYS))


def _evidence_to_json(found: Evidence, settings: SeedingSettings) -> dict[str, Any]:
    return {
        "n_mutations": found.rests_on(settings),
        "without_one": round(found.without_one, 6),
        "without_two": round(found.without_two, 6),
        "mutations": [asdict(carrier) for carrier in found.carriers],
    }


def _evidence_from_json(entry: Mapping[str, Any]) -> Evidence:
    carriers = tuple(Carrier(**carrier) for carrier in entry["mutations"])
    return Evidence(entry["without_one"], entry["without_two"], carriers)


def _rounded(value: Any) -> Any:
    """Nested mappings with floats rounded to 6 digits."""
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    return round(value, 6) if isinstance(value, float) else value
