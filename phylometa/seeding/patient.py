"""Labels of a patient whose clones, trees and histories have been inferred."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from phylometa.comparison.common_origin import CommonOrigin
from phylometa.comparison.independent_hits import origin_groups, origin_of_patient
from phylometa.comparison.infer import compare_with_primary
from phylometa.config import MigrationSettings, Settings
from phylometa.errors import InfeasibleError
from phylometa.migration import histories_of_trees, joint_histories
from phylometa.migration.route_prior import RoutePrior, find_route_prior
from phylometa.model.certainty import Evidence
from phylometa.model.clusters import Clustering
from phylometa.model.comparison import ABSENT, UNKNOWN, Comparison
from phylometa.model.history import HistoryEnsemble
from phylometa.model.label_specs import EXTRA_LABELS, PATIENT_LABELS, SITE_EXTRAS, SITE_LABELS
from phylometa.model.labels import NO_TREE, UNRELATED, SeedingLabels
from phylometa.model.patient import Patient
from phylometa.model.result import PatientResult
from phylometa.reference.tables import gene_recurrence
from phylometa.seeding.caps import find_caps
from phylometa.seeding.classify import classify_seeding, compared_labels
from phylometa.seeding.evidence_floor import Statement, find_evidence
from phylometa.seeding.evolution import DriverHit, copy_number_hits, driver_hits, regional_events
from phylometa.seeding.levels import limit_levels, stated_probabilities
from phylometa.seeding.presence_rules import tracerx_labels, unrelated_sites
from phylometa.seeding.swept import find_swept

__all__ = ["classify_patient", "classify_without_tree", "days_from_primary", "find_origin", "histories_from"]
__all__ += ["route_prior_of"]

# Settings of migration without any optional prior.
NO_PRIORS: dict[str, Any] = {"genetic_distance_weight": 0.0, "organ_prior": ""}
NO_PRIORS |= dict.fromkeys(("cohort_between", "cohort_back", "cohort_further"), 0.0)


def classify_patient(
    result: PatientResult,
    *,
    settings: Settings | None = None,
    more_hits: Iterable[DriverHit] = (),
    other_roots: Mapping[str, HistoryEnsemble] | None = None,
    comparison: Comparison | None = None,
) -> SeedingLabels:
    """Infer the seeding labels of a result with trees and histories, with all else that the patient's data allow.

    Parameters
    ----------
    result : PatientResult
        With `trees` and `histories`; `comparison` adds the counts from the reads and the divergence test; `clusters`
        add parallel evolution, to which `copy_number` adds deletions and amplifications of the patient's driver genes;
        dates of diagnosis add synchronous / metachronous.
    settings : Settings, optional
        Default: those of the result.
    more_hits : iterable of DriverHit
        Other events of driver genes, by clone.
    other_roots : mapping, optional
        Another primary -> the histories that start there; inferred on the trees of the clusters if not given.
    comparison : Comparison, optional
        Primary against every metastasis; default that of the result.

    Returns
    -------
    SeedingLabels

    Raises
    ------
    InfeasibleError
        If there are no histories to classify.
    """
    trees, histories = result.trees, result.histories
    if trees is None or histories is None:
        raise InfeasibleError("seeding labels need clone trees and migration histories")
    patient = result.patient
    first = patient.site_names.index(patient.primary.name)
    settings = settings or result.settings or Settings()
    known = _Known(
        result=result,
        settings=settings,
        hits=_hits_of_drivers(result, settings, more_hits),
        comparison=comparison or result.comparison,
        origin=find_origin(patient, settings),
    )
    labels = known.labels(first, histories, settings.migration)
    plain = histories.without_prior
    if plain is not None:
        without = replace(settings.migration, **NO_PRIORS)
        labels = _compared(labels, known.labels(first, plain, without), settings.migration)
    if settings.migration.organ_prior:
        organs_alone = MigrationSettings(organ_prior=settings.migration.organ_prior)
        prior = route_prior_of(patient, first, organs_alone)
        if prior is None or prior.is_flat:
            text = f"organ prior: {settings.migration.organ_prior} says nothing of the routes between these sites"
            labels = replace(labels, warnings=(*labels.warnings, text))
    if other_roots is None:
        other_roots = {
            site.name: histories_from(result, t, settings)
            for t, site in enumerate(patient.sites)
            if site.site_class == "primary" and t != first
        }
    others = {
        name: known.labels(patient.site_names.index(name), ensemble, settings.migration)
        for name, ensemble in other_roots.items()
    }
    return replace(labels, other_roots=others) if others else labels


def _hits_of_drivers(
    result: PatientResult, settings: Settings, more_hits: Iterable[DriverHit]
) -> tuple[DriverHit, ...] | None:
    """List the driver events of the clones: mutations, copy number and others; None if nothing is known of any."""
    patient, clusters = result.patient, result.clusters
    if clusters is None:
        return None
    found = [*more_hits]
    if result.copy_number is not None and patient.drivers:  # without a list every gene of an arm would be hit
        events = regional_events(result.copy_number, patient.mutations.sample_names)
        found += copy_number_hits(
            events, patient.mutations, clusters, drivers=patient.drivers, settings=settings.comparison
        )
    if not any(patient.mutations.genes) and not found:
        return None
    return driver_hits(patient.mutations, clusters, drivers=patient.drivers, copy_number_hits=found)


@dataclass(frozen=True, eq=False)
class _Known:
    """What labels are made of, whichever primary is the root: the result, and what was found of the patient."""

    result: PatientResult
    settings: Settings
    hits: tuple[DriverHit, ...] | None
    comparison: Comparison | None
    origin: CommonOrigin

    def labels(self, primary: int, ensemble: HistoryEnsemble, migration: MigrationSettings) -> SeedingLabels:
        """Infer the labels of histories that start in a primary, limited by what they rest on."""
        patient, trees = self.result.patient, self.result.trees
        assert trees is not None
        is_first = patient.sites[primary].name == patient.primary.name
        groups = origin_groups(self.origin, patient.sites, primary=primary)
        route_prior = route_prior_of(patient, primary, migration)
        drawn, of_draws = None, ensemble
        if trees.joint is not None:
            over_all = ensemble.drawn
            if over_all is None:  # histories that were read back: those of the draws follow from the draws
                over_all = joint_histories(
                    trees.joint,
                    patient.site_names,
                    primary=primary,
                    settings=migration,
                    groups=groups,
                    route_prior=route_prior,
                    least_effective=self.settings.trees.joint_effective,
                )
            drawn = (trees.joint, over_all)
            of_draws = over_all
        labels = classify_seeding(
            trees,
            ensemble,
            patient.sites,
            primary=primary,
            settings=self.settings,
            hits=self.hits,
            days_from_primary_diagnosis=days_from_primary(patient),
            comparison=self.comparison if is_first else self._compared_with(primary),
            over_clusterings=drawn,
            origin=self.origin,
        )
        evidence: dict[Statement, Evidence] = {}
        if trees.joint is not None and is_first:
            evidence = find_evidence(
                trees.joint,
                stated_probabilities(labels, ensemble),
                patient,
                primary=primary,
                migration=migration,
                settings=self.settings.seeding,
                groups=groups,
                route_prior=route_prior,
            )
        parents = trees.parents if trees.joint is None else [draw.parents for draw in trees.joint.draws]
        swept = find_swept(parents, of_draws)
        found_later = () if swept is None else (swept,)
        if swept is not None:
            labels = replace(labels, warnings=(*labels.warnings, swept.text))
        return limit_levels(labels, ensemble, find_caps(self.result.quality, patient.site_names, found_later), evidence)

    def _compared_with(self, primary: int) -> Comparison | None:
        """Compare another primary with the metastases, if the first one was."""
        if self.comparison is None:
            return None
        result = self.result
        assert result.ccf is not None and result.clusters is not None
        return compare_with_primary(
            result.patient,
            result.ccf,
            result.clusters,
            primary=primary,
            settings=self.settings.comparison,
            error_rate=self.settings.ccf.error_rate,
        )


def histories_from(result: PatientResult, primary: int, settings: Settings) -> HistoryEnsemble:
    """Infer the histories of a result whose clusters are given, from one primary; none between independent tumours.

    Parameters
    ----------
    result : PatientResult
        With `trees`.
    primary : int
        Index of the site in which histories start.
    settings : Settings
    """
    assert result.trees is not None
    patient = result.patient
    groups = origin_groups(find_origin(patient, settings), patient.sites, primary=primary)
    return histories_of_trees(
        result.trees,
        primary=primary,
        settings=settings.migration,
        groups=groups,
        route_prior=route_prior_of(patient, primary, settings.migration),
    )


def find_origin(patient: Patient, settings: Settings) -> CommonOrigin:
    """Find groups of sites of one origin (`phylometa.comparison.common_origin`), by the package's recurrence table."""
    return origin_of_patient(
        patient.of_reads, recurrence=gene_recurrence(), settings=settings.origin, error_rate=settings.ccf.error_rate
    )


def route_prior_of(patient: Patient, primary: int, settings: MigrationSettings) -> RoutePrior | None:
    """Find the prior of routes that the settings ask for; see `phylometa.migration.route_prior.find_route_prior`.

    Parameters
    ----------
    patient : Patient
    primary : int
        Index of the site in which histories start.
    settings : MigrationSettings
    """
    own = (sample.cancer_type for sample in patient.samples if sample.site == patient.site_names[primary])
    others = (sample.cancer_type for sample in patient.samples)
    cancer_type = next((found for found in (*own, *others) if found), None)
    return find_route_prior(patient.sites, primary, settings, cancer_type=cancer_type)


def _compared(labels: SeedingLabels, plain: SeedingLabels, settings: MigrationSettings) -> SeedingLabels:
    """Labels under optional priors beside those without; a warning names the headlines that differ."""
    changed = [
        f"{name} {plain.headline[name]} ({plain.status[name]})"
        for name, value in labels.headline.items()
        if not isinstance(value, Mapping) and value != plain.headline[name]
    ]
    told = "the headlines are the same without it" if not changed else "without it: " + "; ".join(changed)
    cohort = settings.cohort_between or settings.cohort_back or settings.cohort_further
    used = {"genetic-distance": settings.genetic_distance_weight, "organ": settings.organ_prior, "cohort": cohort}
    priors = " and the ".join(f"{name} prior" for name, value in used.items() if value)
    text = f"seeding labels: weighed with the {priors}; {told}"
    return replace(labels, without_prior=plain, warnings=(*labels.warnings, text))


def classify_without_tree(
    patient: Patient, clusters: Clustering, comparison: Comparison, *, settings: Settings | None = None
) -> SeedingLabels:
    """Tell what presence alone shows if there is no clone tree: JSI, TRACERx rules, counts, the divergence test.

    Parameters
    ----------
    patient : Patient
    clusters : Clustering
    comparison : Comparison
        States of clusters, counts and divergence test; see `phylometa.comparison.infer.compare_with_primary`.
    settings : Settings, optional

    Returns
    -------
    SeedingLabels
        Labels that need a tree are ``"undetermined (no clone tree)"``.
    """
    chosen = (settings or Settings()).seeding
    sites = patient.sites
    primary = patient.site_names.index(patient.primary.name)
    is_sampled = not sites[primary].is_virtual
    states = np.where(comparison.states == UNKNOWN, ABSENT, comparison.states)
    sizes = clusters.sizes.astype(np.float64)
    metastases = [t for t, site in enumerate(sites) if site.is_metastasis]
    unrelated = [sites[t].name for t in unrelated_sites(sizes, states, sites, primary=primary)]
    undetermined = {name: {NO_TREE: 1.0} for name in PATIENT_LABELS}
    override = {"all_migration_labels": NO_TREE}
    if unrelated and len(unrelated) == len(metastases):
        override = {"all_migration_labels": UNRELATED, "relation": "independent_primary"}
    no_sites: dict[str, dict[str, str]] = {name: {} for name in SITE_LABELS}
    return SeedingLabels(
        labels={**undetermined, **no_sites},
        headline={**dict.fromkeys(PATIENT_LABELS, NO_TREE), **no_sites},
        status={**dict.fromkeys(PATIENT_LABELS, "not determined"), **no_sites},
        extra={**{name: {NO_TREE: 1.0} for name in EXTRA_LABELS}, **{name: {} for name in SITE_EXTRAS}},
        alternative_criteria={},
        criterion_sensitive=(),
        tracerx=tracerx_labels(None, states, sites, primary=primary),
        tracerx_probabilities={},
        primary_sampled=is_sampled,
        clonally_unrelated=override["all_migration_labels"] == UNRELATED,
        unrelated_sites=tuple(unrelated),
        n_metastases=len(metastases),
        n_histories=0,
        complete=True,
        settings=chosen,
        override=override,
        warnings=("no clone tree: only labels that presence alone gives are reported",),
        **compared_labels(comparison, sites),
    )


def days_from_primary(patient: Patient) -> dict[str, float] | None:
    """Count the days from the diagnosis of the primary to that of each other site; None without dates.

    The earliest date of a site's samples counts: diagnosis dates if the primary and the site have them, else dates
    of collection.
    """

    def earliest(site: str, kind: str) -> datetime.date | None:
        dates = [getattr(sample, kind) for sample in patient.samples if sample.site == site]
        return min((date for date in dates if date is not None), default=None)

    days = {}
    for site in patient.site_names:
        for kind in ("diagnosis_date", "collection_date"):
            of_primary, of_site = earliest(patient.primary.name, kind), earliest(site, kind)
            if site != patient.primary.name and of_primary is not None and of_site is not None:
                days[site] = float((of_site - of_primary).days)
                break
    return days or None
