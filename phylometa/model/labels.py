"""The labels of a patient as one frozen object, their words and their JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from phylometa.config import SeedingSettings
from phylometa.model.certainty import Certainty, decide_level, each_statement, statement_key
from phylometa.model.divergence import DivergenceTest
from phylometa.model.frames import frame_of_rows
from phylometa.model.label_specs import EXTRA_LABELS, LABELS, PATIENT_LABELS, SITE_EXTRAS, SITE_LABELS
from phylometa.model.short_repr import short_repr

__all__ = ["SeedingLabels", "grade_labels"]

# Labels that name a source, or rest on the whole history, and so cannot be told without a sample of the primary.
SOURCE_LABELS = tuple(spec.name for spec in LABELS if spec.without_primary == "source")
UNDETERMINED_LABELS = tuple(spec.name for spec in LABELS if spec.without_primary == "history")
NO_TREE = "undetermined (no clone tree)"
NO_PRIMARY = "undetermined (no primary sample)"
UNRELATED = "not_applicable (clonally unrelated)"
_OF_SITES = (*SITE_LABELS, *SITE_EXTRAS)
_PLAIN_KEYS = (
    "labels",
    "headline",
    "status",
    "alternative_criteria",
    "tracerx",
    "cluster_states",
    "pm_counts",
    "jsi_call",
    "clonally_unrelated",
    "primary_sampled",
    "settled_by",
    "n_histories",
    "complete",
)
_LIST_KEYS = ("criterion_sensitive", "unrelated_sites", "flags", "warnings")


@dataclass(frozen=True, eq=False)
class SeedingLabels:
    """The labels of one patient.

    Parameters
    ----------
    labels : mapping
        ``label -> {value: probability}`` or ``label -> site -> {value: probability}``, the raw result of the histories.
    headline : mapping
        The same keys: the most probable value if it is supported, else ``"ambiguous"``.
    status : mapping
        Keys of `labels` and `extra`: ``supported``, ``favoured`` or ``not determined``.
    extra : mapping
        Labels beside the schema's, in the form of `labels`: see `phylometa.model.label_specs.EXTRA_LABELS`.
    alternative_criteria : mapping
        Distributions of the compared labels under MACHINA's order and under UMCS.
    criterion_sensitive : tuple of str
        Labels whose most probable values depend on the order of the criteria.
    cluster_states : mapping
        Cluster -> site -> state in words; the power to see it if it comes from reads, its probability if from trees.
    near_optimal : mapping
        Compared label -> the values it has in near-optimal histories (U + 1, mu + 1), if these were listed.
    tracerx, tracerx_probabilities : mapping
        TRACERx rules: most probable values, and their distributions.
    pm_counts, jsi_call : mapping
        Metastasis -> counts, call; None if the primary was not sampled.
    ln_distant_origin : mapping or None
        ``"LN|distant" -> common | separate``.
    parallel_evolution : mapping or None
        Gene -> whether it was hit twice independently (by majority of the posterior).
    parallel_evolution_probability : mapping or None
    presentation : mapping or None
        Site -> ``synchronous`` or ``metachronous``.
    divergence : mapping
        Metastasis -> `DivergenceTest`; empty without reads.
    n_metastases : int
        Phyleticity says little about one.
    clonally_unrelated : bool
        No metastasis shares a mutation with the primary.
    unrelated_sites : tuple of str
    primary_sampled : bool
    override : mapping
        What replaces raw labels in a patient's results; empty if nothing does.
    n_mutations : int or None
        Mutations in the clones that the labels rest on; None if not known. With one the prior speaks, not the data.
    common_origin : mapping
        ``"site|site"`` -> probability that the tumours of both descend from one founding cell; empty without reads.
    flags : tuple of str
        ``source_unobserved``, ``founder_unobserved:SITE``.
    settled_by : mapping
        Label (or ``label:SITE``) that is not determined -> what would settle it.
    n_histories : int
        Histories that reach the optimum, over all trees.
    complete : bool
        False if a limit cut an enumeration short.
    settings : SeedingSettings
    certainty : Certainty
        What limits the levels: Monte-Carlo errors, caps, what statements rest on; levels of routes.
    other_roots : mapping
        With two primaries: the other primary -> the labels of histories rooted there.
    without_prior : SeedingLabels or None
        The labels without the genetic-distance prior, if there is one.
    warnings : tuple of str
    """

    labels: Mapping[str, Any]
    headline: Mapping[str, Any]
    status: Mapping[str, Any]
    extra: Mapping[str, Any]
    alternative_criteria: Mapping[str, Any]
    criterion_sensitive: tuple[str, ...]
    tracerx: Mapping[str, Any]
    tracerx_probabilities: Mapping[str, Any]
    pm_counts: Mapping[str, Any]
    jsi_call: Mapping[str, str | None]
    primary_sampled: bool
    clonally_unrelated: bool
    unrelated_sites: tuple[str, ...]
    n_metastases: int
    n_histories: int
    complete: bool
    settings: SeedingSettings
    cluster_states: Mapping[str, Any] = field(default_factory=dict)
    near_optimal: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ln_distant_origin: Mapping[str, str] | None = None
    parallel_evolution: Mapping[str, bool] | None = None
    parallel_evolution_probability: Mapping[str, float] | None = None
    presentation: Mapping[str, str] | None = None
    divergence: Mapping[str, DivergenceTest] = field(default_factory=dict)
    override: Mapping[str, Any] = field(default_factory=dict)
    n_mutations: int | None = None
    common_origin: Mapping[str, float] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    settled_by: Mapping[str, str] = field(default_factory=dict)
    certainty: Certainty = field(default_factory=Certainty)
    other_roots: Mapping[str, SeedingLabels] = field(default_factory=dict)
    without_prior: SeedingLabels | None = None
    warnings: tuple[str, ...] = ()

    __repr__ = short_repr

    def to_json(self, *, raw: bool = False) -> dict[str, Any]:
        """Return one case of the JSON schema of `phylometa seeding`.

        Parameters
        ----------
        raw : bool
            Keep the raw parsimony result in ``labels`` and ``headline`` although an override is present (as the
            command on JSON cases does); otherwise the override replaces it.
        """
        shown = self if raw else self.with_override()
        document: dict[str, Any] = {
            "labels": _rounded(shown.labels),
            "headline": dict(shown.headline),
            "status": dict(shown.status),
            "alternative_criteria": _rounded(self.alternative_criteria),
            "criterion_sensitive": list(self.criterion_sensitive),
            "near_optimal": {name: list(values) for name, values in self.near_optimal.items()},
            **_rounded(shown.extra),
            "tracerx": dict(self.tracerx),
            "cluster_states": _rounded(self.cluster_states),
            "pm_counts": _rounded(self.pm_counts),
            "jsi_call": dict(self.jsi_call),
            "clonally_unrelated": self.clonally_unrelated,
            "unrelated_sites": list(self.unrelated_sites),
            "n_mutations": self.n_mutations,
            "common_origin": _rounded(self.common_origin),
            "primary_sampled": self.primary_sampled,
            "n_mets": self.n_metastases,
            "flags": list(self.flags),
            "settled_by": dict(self.settled_by),
            "n_histories": self.n_histories,
            "complete": self.complete,
            "warnings": list(self.warnings),
        }
        optional = {
            "ln_distant_origin": self.ln_distant_origin,
            "parallel_evolution": self.parallel_evolution,
            "presentation": self.presentation,
            "override": self.override or None,
            "other_roots": {site: labels.to_json(raw=raw) for site, labels in self.other_roots.items()} or None,
            "without_prior": self.without_prior.to_json(raw=raw) if self.without_prior else None,
        }
        document.update({key: dict(value) for key, value in optional.items() if value is not None})
        if not raw:
            document.update(self.certainty.to_json(self.settings))
            document["tracerx_probabilities"] = _rounded(self.tracerx_probabilities)
            if self.parallel_evolution_probability is not None:
                document["parallel_evolution_probability"] = _rounded(self.parallel_evolution_probability)
            document["divergence"] = {
                site: {name: _finite(getattr(test, name)) for name in DivergenceTest.__slots__}
                for site, test in self.divergence.items()
            }
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any], *, settings: SeedingSettings | None = None) -> SeedingLabels:
        """Read the labels of a `labels.json` (what an override replaced stays replaced).

        Parameters
        ----------
        document : mapping
            As `to_json` gives it.
        settings : SeedingSettings, optional
            Thresholds in use then; default the defaults.
        """
        read: dict[str, Any] = {name: document[name] for name in _PLAIN_KEYS}
        read.update({name: tuple(document[name]) for name in _LIST_KEYS})
        for name in ("tracerx_probabilities", "override"):
            read[name] = document.get(name, {})
        for name in ("ln_distant_origin", "parallel_evolution", "parallel_evolution_probability", "presentation"):
            read[name] = document.get(name)
        read["n_mutations"], read["common_origin"] = document["n_mutations"], document["common_origin"]
        tests = document.get("divergence", {})
        numbers = ("p_value", "upper_bound", "expected_missing", "p_none", "p_few")
        read["divergence"] = {
            site: DivergenceTest(**{**test, **{n: np.nan if test[n] is None else test[n] for n in numbers}})
            for site, test in tests.items()
        }
        return cls(
            extra={name: document[name] for name in EXTRA_LABELS},
            n_metastases=document["n_mets"],
            near_optimal={name: tuple(values) for name, values in document.get("near_optimal", {}).items()},
            other_roots={
                site: cls.from_json(labels, settings=settings)
                for site, labels in document.get("other_roots", {}).items()
            },
            without_prior=(
                cls.from_json(document["without_prior"], settings=settings) if "without_prior" in document else None
            ),
            settings=settings or SeedingSettings(),
            certainty=Certainty.from_json(document),
            **read,
        )

    def level(self, name: str, site: str = "") -> str:
        """Return the level of a label; "not determined" if it has no value."""
        found = self.status.get(name, "not determined")
        return str(found if isinstance(found, str) else found.get(site, "not determined"))

    def graded(self, certainty: Certainty) -> SeedingLabels:
        """Return the labels with other errors, caps and evidence, and the levels that follow."""
        return replace(
            self, **grade_labels(self.labels, self.extra, self.settings, certainty, is_open=self.n_mutations == 1)
        )

    def with_override(self) -> SeedingLabels:
        """Return the labels as results show them: raw values that an override or a flag forbids are replaced."""
        if self.clonally_unrelated:
            return self._replaced(dict.fromkeys((*PATIENT_LABELS, *SITE_LABELS, *EXTRA_LABELS), UNRELATED))
        if not self.primary_sampled:
            undetermined = dict.fromkeys(UNDETERMINED_LABELS, "undetermined")
            return self._replaced({**dict.fromkeys(SOURCE_LABELS, NO_PRIMARY), **undetermined})
        if not self.n_histories:
            return self
        shown = self._replaced(dict.fromkeys(_OF_SITES, UNRELATED), only=self.unrelated_sites)
        # One unseen founder explains clones of one origin (a polytomy); the flag and the sentence show the alternative.
        granted = {
            site: "monoclonal"
            for site, values in self.extra.get("site_seeding_resolved", {}).items()
            if f"founder_unobserved:{site}" in self.flags
            and values.get("monoclonal", 0.0) >= 0.5
            and self.level("site_seeding_resolved", site) == "supported"
        }
        headline = dict(shown.headline)
        headline["site_seeding"] = {**headline["site_seeding"], **granted}
        if granted and set(headline["site_seeding"].values()) == {"monoclonal"}:
            headline["clonality_site"] = "monoclonal"
        return replace(shown, headline=headline)

    def _replaced(self, words: Mapping[str, str], only: tuple[str, ...] | None = None) -> SeedingLabels:
        """Labels of the keys of `words` replaced by the word, with probability 1; site labels at the sites `only`."""

        def changed(part: Mapping[str, Any], value: Callable[[str], Any]) -> dict[str, Any]:
            new = dict(part)
            for name, word in words.items():
                if name in _OF_SITES and name in part:
                    new[name] = {t: value(word) if only is None or t in only else old for t, old in part[name].items()}
                elif name in part:
                    new[name] = value(word)
            return new

        return replace(
            self,
            labels=changed(self.labels, lambda word: {word: 1.0}),
            extra=changed(self.extra, lambda word: {word: 1.0}),
            headline=changed(self.headline, lambda word: word),
            status=changed(self.status, lambda _: "not determined"),
        )

    def to_frame(self, library: str | None = None) -> Any:
        """Tabulate every value of every label with its probability; `site` is empty for labels of the patient.

        Parameters
        ----------
        library : {"pandas", "polars", "dict"}, optional
            As in `phylometa.model.frames.frame_of_rows`.
        """
        shown = self.with_override()
        rows = [
            (name, site, value, float(p))
            for name, part in {**shown.labels, **shown.extra}.items()
            for site, values in (part.items() if name in _OF_SITES else [("", part)])
            for value, p in values.items()
        ]
        return frame_of_rows(["label", "site", "value", "probability"], rows, library)


def grade_labels(
    labels: Mapping[str, Any],
    extra: Mapping[str, Any],
    settings: SeedingSettings,
    certainty: Certainty,
    *,
    is_open: bool = False,
) -> dict[str, Any]:
    """Give every label its level and its headline.

    Parameters
    ----------
    labels, extra : mapping
        Distributions, as in `SeedingLabels`.
    settings : SeedingSettings
    certainty : Certainty
        Errors, caps and evidence of the statements.
    is_open : bool
        Whether nothing is determined, whatever its probability.

    Returns
    -------
    dict
        ``headline``, ``status`` and ``certainty`` (with `could_be`) of a `SeedingLabels`.
    """
    headline: dict[str, Any] = {name: {} for name in SITE_LABELS if name in labels}
    status: dict[str, Any] = {name: {} for name in _OF_SITES if name in labels or name in extra}
    could_be: dict[str, str] = {}
    for name, site, values in each_statement({**labels, **extra}):
        best, key = max(values, key=lambda value: values[value]), statement_key(name, site)
        level, possible = decide_level(
            values[best],
            settings,
            mcse=certainty.error_of(name, site, best),
            convergence=certainty.convergence,
            evidence=certainty.evidence.get(key),
            cap=certainty.caps.get(key),
        )
        if is_open:
            level, possible = "not determined", ""
        word = best if level == "supported" else "ambiguous"
        if site:
            status[name][site] = level
            if name in labels:
                headline[name][site] = word
        else:
            status[name] = level
            if name in labels:
                headline[name] = word
        if possible:
            could_be[key] = possible
    ordered = {name: headline[name] for name in labels if name in headline}
    return {"headline": ordered, "status": status, "certainty": replace(certainty, could_be=could_be)}


def _rounded(value: Any) -> Any:
    """Nested mappings with floats rounded to 6 digits."""
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    return round(value, 6) if isinstance(value, float) else value


def _finite(value: Any) -> Any:
    """JSON has no NaN."""
    return None if isinstance(value, float) and not np.isfinite(value) else value
