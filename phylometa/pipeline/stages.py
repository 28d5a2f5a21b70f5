"""The whole analysis of one patient, stage by stage; each stage takes the result so far and returns a later one.

Stages have their own random streams, drawn from the seed and the stage's name, so that a stage gives the same numbers
whether it runs alone or within the whole.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phylometa.config import MigrationSettings, Settings, TreeSettings
from phylometa.errors import InfeasibleError, InputError
from phylometa.model.arrays import IntArray
from phylometa.model.circulation import Circulation
from phylometa.model.clone_tree import CloneTree
from phylometa.model.clusters import Clustering
from phylometa.model.comparison import Comparison
from phylometa.model.history import HistoryEnsemble
from phylometa.model.patient import Patient
from phylometa.model.result import PatientResult
from phylometa.model.tree_ensemble import TreeEnsemble
from phylometa.pipeline.warnings import conflict_warnings, history_warnings, search_warnings
from phylometa.reads.censored import censored_as_reads, with_censored_as_reads

if TYPE_CHECKING:
    from os import PathLike

    from phylometa.joint.shown import ShownPosterior
    from phylometa.migration.independent_tumours import OriginGroup
    from phylometa.model.joint_posterior import JointPosterior

__all__ = ["STAGES", "AnalysisResult", "analyse", "classify_cases", "load_result", "migrate_tree"]
__all__ += ["match_primary", "run_stage", "stage_rng"]

Progress = Callable[[str, int, int], None]


class AnalysisResult(PatientResult):
    """A `phylometa.model.result.PatientResult` that can be written to a directory."""

    def save(self, directory: str | PathLike[str], *, arguments: Mapping[str, Any] | None = None) -> Path:
        """Write every table and JSON file of the result (no figures, no report) to `directory`.

        Parameters
        ----------
        directory : path
            Replaced as a whole if it exists and holds nothing but an earlier result; on failure it is left as it was.
        arguments : mapping, optional
            Recorded in manifest.json.

        Returns
        -------
        Path
        """
        from phylometa.io.ownership import locked, replace_directory
        from phylometa.io.results import write_result

        target = Path(directory)
        with locked(target), replace_directory(target) as partial:
            write_result(self, partial, arguments=arguments or {})
        return target

    def _repr_html_(self) -> str:
        """The first screen of the report, which a notebook shows."""
        from phylometa.report import first_screen_html

        return first_screen_html(self)


def stage_rng(seed: int, stage: str) -> np.random.Generator:
    """The random stream of a stage: a function of the seed and the stage's name alone."""
    return np.random.default_rng([seed, zlib.crc32(stage.encode())])


def _clusters(result: PatientResult, settings: Settings) -> dict[str, Any]:
    from phylometa.ccf.estimate import estimate_ccf
    from phylometa.ccf.purity import estimate_purity, infer_purity
    from phylometa.ccf.trunk_purity import purity_from_trunk, with_tissue_copies
    from phylometa.clustering.infer import cluster_mutations, clustering_from_labels
    from phylometa.comparison.independent_hits import separate_hits
    from phylometa.copy_number.event_rows import with_copy_number_events, with_purity_of_segments
    from phylometa.qc.check import check_quality, purity_in_use
    from phylometa.qc.contamination import allow_for_contamination, find_contamination
    from phylometa.qc.sequencing_error import allow_for_errors
    from phylometa.reads.lost_copies import deleted_mutations
    from phylometa.seeding.patient import find_origin

    given = result.patient
    if given.cell_matrices:
        from phylometa.cells.bundles import with_cell_bundles
        from phylometa.cells.copy_number_bundles import with_copy_number_bundles

        given = with_cell_bundles(given, settings=settings.cells, rng=stage_rng(settings.seed, "cells"))
        given = with_copy_number_bundles(given, settings=settings.cells)
    as_read = with_tissue_copies(with_purity_of_segments(given, settings.observation))
    whole = allow_for_errors(as_read, usual=settings.ccf.error_rate)
    tissue = whole.in_place if whole.in_place.samples else whole
    reads_say = infer_purity(tissue, settings=settings.ccf)
    quality = check_quality(as_read.in_place if as_read.in_place.samples else as_read, reads_say)
    patient = estimate_purity(tissue, settings=settings.ccf, posterior=reads_say)
    if tissue is not whole:
        evidence = with_censored_as_reads(patient)
        parts = (evidence.mutations, patient.copy_number, patient.purity)
        alone = estimate_ccf(*parts, settings=settings.ccf)
        patient = purity_from_trunk(whole, evidence, alone, settings=settings.ccf)
    foreign = find_contamination(tissue, purity_in_use(tissue, reads_say))
    patient = allow_for_contamination(patient, foreign, error_rate=settings.ccf.error_rate)
    patient = separate_hits(patient, find_origin(with_censored_as_reads(patient.in_place), settings))
    patient = with_copy_number_events(patient, settings.observation)
    if patient.mutations.n_mutations == 0:
        raise InputError(f"patient {patient.name}: {_NOTHING_LEFT}")
    evidence = with_censored_as_reads(patient)
    data = (evidence.mutations, patient.copy_number, patient.purity)
    # To first order a purity's error widens every cluster by itself, though it is one for all: only if it is large.
    purity_sd = np.array([sample.purity_sd * sample.purity_is_estimated for sample in patient.samples])
    ccf = estimate_ccf(*data, settings=settings.ccf, purity_sd=purity_sd)
    options: dict[str, Any] = {"settings": settings.clustering, "ccf_settings": settings.ccf, "purity_sd": purity_sd}
    if patient.known_clusters is not None:
        clusters = clustering_from_labels(*data, patient.known_clusters, **options)
    else:
        clusters = cluster_mutations(*data, **options, rng=stage_rng(settings.seed, "clusters"))[0]
    deleted = deleted_mutations(evidence.mutations, ccf, clusters, error_rate=settings.ccf.error_rate)
    clusters = replace(clusters, deleted=deleted)
    warnings = conflict_warnings(evidence, clusters, settings)
    return {"patient": patient, "ccf": ccf, "clusters": clusters, "quality": quality, "warnings": warnings}


_NOTHING_LEFT = (
    "no variants left to analyse; dropped.tsv.gz names the reasons. Nor is there a copy-number event, which would do "
    "as well"
)


def _trees(result: PatientResult, settings: Settings) -> dict[str, Any]:
    """The posterior: of clusters and trees together, or of the trees of clusters that are taken as they are."""
    from phylometa.clone_trees.infer import infer_clone_trees
    from phylometa.joint.shown import shown_clusters, sum_up

    patient, clusters = with_censored_as_reads(result.patient), result.clusters
    assert clusters is not None
    sites = (patient.sample_site, patient.site_names)
    is_given = patient.known_clusters is not None
    chosen = settings.trees
    start = clusters.start if clusters.start is not None else clusters.labels
    if not is_given:
        chosen = _for_a_start(settings.trees)
        clusters = _clusters_to_start_from(patient, start, settings)
    groups, probability = _common_origin(patient, settings)
    # The clusters of a start may fit no founder where the mutations say that there was one: the sampler sorts it out.
    # Copy-number events recur in independent tumours, so that only reads tell of these.
    is_one_tumour = probability >= _CERTAIN_ORIGIN or bool(patient.mutations.is_event.all())
    has_one_founder = not is_given and len(patient.sites) > 1 and is_one_tumour
    rng = stage_rng(settings.seed, "trees")
    trees = infer_clone_trees(clusters, *sites, settings=chosen, rng=rng, has_one_founder=has_one_founder)
    if is_given or len(trees.names) != clusters.n_clusters:  # given clusters, or clonally unrelated tumours
        trees, circulation = _with_presence(trees, clusters, patient, settings)
        return {"trees": trees, "circulation": circulation, "warnings": search_warnings(trees)}
    joint = _draw_jointly(result.patient, clusters, trees, settings, groups)
    found = replace(shown_clusters(joint, patient, settings=settings), start=start)
    shown = sum_up(joint, found, patient.site_names, settings=settings)
    clusters = _with_deleted(shown.clusters, result, settings)
    return {"trees": shown.trees, "clusters": clusters, "circulation": _circulation(shown, patient, settings)}


def _clusters_to_start_from(patient: Patient, labels: IntArray, settings: Settings) -> Clustering:
    """Clusters of the reads alone, the same whether they were just found or read back."""
    from phylometa.clustering.infer import clustering_from_labels

    data = (patient.mutations, patient.copy_number, patient.purity)
    numbers = [f"{label:06d}" for label in labels.tolist()]
    found = clustering_from_labels(*data, numbers, settings=settings.clustering, ccf_settings=settings.ccf)
    place = [found.names.index(name) for name in sorted(found.names)]
    arrays = {name: getattr(found, name)[place] for name in ("ccf", "ccf_lo", "ccf_hi", "alt_reads", "total_reads")}
    names = tuple(str(k + 1) for k in range(len(place)))
    return Clustering(names, labels, np.ones(len(labels)), **arrays)


def _for_a_start(settings: TreeSettings) -> TreeSettings:
    """Settings for trees that only start the joint sampler."""
    return replace(settings, enumerate_clusters=min(settings.enumerate_clusters, 6), rounds=1, max_trees=100)


def _circulation(shown: ShownPosterior, patient: Patient, settings: Settings) -> Circulation | None:
    """Clones of the samples that name no site."""
    from phylometa.joint.circulating import circulating_clones

    assert shown.trees.joint is not None
    parts = (shown.trees.joint, shown.projections, shown.trees.names, patient)
    return circulating_clones(*parts, half_step=0.5 / settings.trees.grid)


def _with_presence(
    trees: TreeEnsemble, clusters: Clustering, patient: Patient, settings: Settings
) -> tuple[TreeEnsemble, Circulation | None]:
    """Trees of clusters that are taken as certain, with draws of presence and intervals of proportions."""
    from phylometa.clone_trees.presence import draws_of_trees, presence_scenarios, proportion_intervals
    from phylometa.joint.circulating import circulating_clones, draws_as_posterior
    from phylometa.model.tree_ensemble import PresenceScenario

    options: dict[str, Any] = {"settings": settings.trees, "rng": stage_rng(settings.seed, "presence")}
    draws = list(draws_of_trees(trees, clusters, **options))
    scenarios = presence_scenarios(trees, clusters, patient.sample_site, **options, draws=draws)
    lower, upper = proportion_intervals(trees, draws, settings=settings.trees)
    listed = tuple(PresenceScenario(int(tree), float(weight), presence) for tree, weight, presence in scenarios)
    intervals = {"lower": lower.tolist(), "upper": upper.tolist()}
    circulation = None
    if any(sample.circulates for sample in patient.samples):
        parts = draws_as_posterior(trees, draws, patient.sample_site)
        circulation = circulating_clones(*parts, trees.names, patient, half_step=0.5 / settings.trees.grid)
    diagnostics = {**trees.diagnostics, "proportion_intervals": intervals}
    return replace(trees, scenarios=listed, diagnostics=diagnostics), circulation


def _with_deleted(clusters: Clustering, result: PatientResult, settings: Settings) -> Clustering:
    """The clusters with the cells whose mutation is probably deleted."""
    from phylometa.reads.lost_copies import deleted_mutations

    assert result.ccf is not None
    mutations = censored_as_reads(result.patient.mutations)
    deleted = deleted_mutations(mutations, result.ccf, clusters, error_rate=settings.ccf.error_rate)
    return replace(clusters, deleted=deleted)


# P(common origin of all sites) from which there was one founder, however badly the clusters of a start fit it.
_CERTAIN_ORIGIN = 0.95


def _common_origin(patient: Patient, settings: Settings) -> tuple[tuple[OriginGroup, ...], float]:
    """Sites by common origin, that of the first primary first; and the least P(common origin) of two sites."""
    from phylometa.comparison.independent_hits import origin_groups
    from phylometa.seeding.patient import find_origin

    primaries = [t for t, site in enumerate(patient.sites) if site.site_class == "primary"]
    origin = find_origin(patient, settings)
    groups = origin_groups(origin, patient.sites, primary=primaries[0] if primaries else 0)
    return groups, float(origin.probability.min())


def _draw_jointly(
    patient: Patient,
    clusters: Clustering,
    trees: TreeEnsemble,
    settings: Settings,
    groups: Sequence[OriginGroup],
) -> JointPosterior:
    """Draws of clusters, classes, tree and presence together; between independent tumours no history weighs them."""
    from phylometa.joint.infer import infer_jointly

    primaries = [t for t, site in enumerate(patient.sites) if site.site_class == "primary"]
    primary = primaries[0] if primaries and len(groups) == 1 else None
    events = None
    if patient.mutations.is_event.any():
        from phylometa.copy_number.event_rows import event_curves

        events = partial(event_curves, patient, settings=settings.observation)
    return infer_jointly(
        patient.mutations,
        patient.copy_number,
        patient.purity,
        patient.sample_site,
        labels=clusters.labels,
        trees=trees,
        settings=settings,
        rng=stage_rng(settings.seed, "joint"),
        purity_sd=np.array([sample.purity_sd * sample.purity_is_estimated for sample in patient.samples]),
        primary=primary,
        events=events,
    )


def _histories(result: PatientResult, settings: Settings) -> dict[str, Any]:
    """Migration histories; the draws of the joint posterior are weighed by theirs, and all that is shown with them."""
    from phylometa.comparison.independent_hits import origin_groups
    from phylometa.joint.shown import weigh_by_histories
    from phylometa.seeding.patient import find_origin, histories_from, route_prior_of

    patient, trees, clusters = result.patient.in_place, result.trees, result.clusters
    assert trees is not None and clusters is not None
    primary = patient.site_names.index(patient.primary.name)
    if trees.joint is None:
        return {"histories": histories_from(result.in_place, primary, settings)}
    groups = origin_groups(find_origin(patient, settings), patient.sites, primary=primary)
    prior = route_prior_of(patient, primary, settings.migration)
    shown, histories = weigh_by_histories(
        trees, clusters, primary=primary, settings=settings, groups=groups, route_prior=prior
    )
    found: dict[str, Any] = {"trees": shown.trees, "clusters": shown.clusters, "histories": histories}
    found["circulation"] = _circulation(shown, result.patient, settings)
    return {**found, "warnings": history_warnings(histories)}


def _compare(result: PatientResult, settings: Settings) -> Comparison | None:
    """Primary against every metastasis, from the reads; None if there are no reads."""
    from phylometa.comparison.infer import compare_with_primary

    result = result.of_reads
    if result.ccf is None or result.clusters is None or not result.patient.mutations.n_mutations:
        return None
    parts = (result.patient, result.ccf, result.clusters)
    return compare_with_primary(*parts, settings=settings.comparison, error_rate=settings.ccf.error_rate)


def _labels(result: PatientResult, settings: Settings) -> dict[str, Any]:
    """The comparison of primary and metastases, which timing and report read too, and the labels."""
    from phylometa.comparison.independent_hits import origin_groups
    from phylometa.joint.shown import weigh_by_histories
    from phylometa.seeding import classify_patient
    from phylometa.seeding.patient import find_origin, route_prior_of

    patient, trees, clusters = result.patient, result.trees, result.clusters
    rooted = None
    if trees is not None and trees.joint is not None:
        assert clusters is not None
        origin = find_origin(patient, settings)
        rooted = {
            site.name: weigh_by_histories(
                trees,
                clusters,
                primary=t,
                settings=settings,
                groups=origin_groups(origin, patient.sites, primary=t),
                route_prior=route_prior_of(patient, t, settings.migration),
            )[1]
            for t, site in enumerate(patient.sites)
            if site.site_class == "primary" and site.name != patient.primary.name
        }
    comparison = _compare(result, settings)
    labels = classify_patient(result, settings=settings, other_roots=rooted, comparison=comparison)
    return {"comparison": comparison, "labels": labels}


def _timing(result: PatientResult, settings: Settings) -> dict[str, Any]:
    from phylometa.timing.infer import date_dissemination

    result = result.of_reads
    if not result.patient.mutations.n_mutations:
        return {"timing": None, "warnings": (_NO_CLOCK,)}
    assert result.ccf is not None and result.clusters is not None
    assert result.trees is not None and result.histories is not None
    timing = date_dissemination(
        result.patient,
        result.ccf,
        result.clusters,
        result.trees,
        result.histories,
        settings=settings.timing,
        rng=stage_rng(settings.seed, "timing"),
        comparison=result.comparison or _compare(result, settings),
    )
    return {"timing": timing}


_NO_CLOCK = "no dates and no counts of private mutations: copy-number events alone tick by no clock"


def _copy_number(result: PatientResult, settings: Settings) -> dict[str, Any]:
    """Infer the copy-number tree of the samples; if the data admit none, a warning says why and other stages go on."""
    from phylometa.copy_number import clone_copy_number_of_trees, compare_with_clones, infer_copy_number_tree

    patient, trees = result.patient, result.trees
    if patient.segments is None:
        return {"copy_number": None, "warnings": ("no copy-number segments: no copy-number tree",)}
    site_class = {site.name: site.site_class for site in patient.sites}
    sex = next((sample.sex for sample in patient.samples if sample.sex), None)
    try:
        found = infer_copy_number_tree(
            patient.segments,
            settings=settings.copy_number,
            rng=stage_rng(settings.seed, "copy_number"),
            site_classes={sample.name: site_class[sample.site] for sample in patient.samples},
            sex=sex,
        )
    except InfeasibleError as error:
        return {"copy_number": None, "warnings": (f"no copy-number tree: {error}",)}
    if trees is not None:
        prevalence = trees.best.is_ancestor.astype(float) @ trees.proportions[0]
        carried = prevalence >= settings.comparison.absent_prevalence
        clones = (trees.names, carried, trees.n_mutations.astype(np.int64), patient.mutations.sample_names)
        found = replace(found, agreement=compare_with_clones(found, *clones))
        data = (patient.segments, trees, patient.mutations.sample_names)
        try:
            found = replace(found, clones=clone_copy_number_of_trees(*data, settings=settings.copy_number, sex=sex))
        except InfeasibleError as error:
            return {"copy_number": found, "warnings": (f"no copy number of clones: {error}",)}
    return {"copy_number": found}


# Stage name -> (the field of the result it needs first, the function that adds its fields).
STAGES: dict[str, tuple[str, Callable[[PatientResult, Settings], dict[str, Any]]]] = {
    "clusters": ("patient", _clusters),
    "trees": ("clusters", _trees),
    "copy_number": ("patient", _copy_number),
    "histories": ("trees", _histories),
    "labels": ("histories", _labels),
    "timing": ("labels", _timing),
}


READ_CENSORED = ("clusters", "trees")
"""Stages that tell censored cells from reads; to the others they are a few reads without the mutation."""
OF_SITES = ("copy_number", "labels", "timing")
"""Stages that are about sites, and read only the samples that stand for one."""
NO_TISSUE = (
    "no sample names a site (all circulate): clones and their shares only, nothing about who seeded whom or when; add "
    "a sample of the primary or of a metastasis, or name a kind with --as-site"
)


def run_stage(name: str, result: AnalysisResult, settings: Settings) -> AnalysisResult:
    """One stage applied to the result so far.

    Raises
    ------
    InputError
        If the stage before has not run.
    InfeasibleError
        If the data admit no answer.
    """
    needs, function = STAGES[name]
    if name not in READ_CENSORED and not result.patient.in_place.samples:
        return replace(result, settings=settings, warnings=tuple(dict.fromkeys((*result.warnings, NO_TISSUE))))
    if getattr(result, needs) is None:
        raise InfeasibleError(f"stage {name} needs {needs}, which has not been inferred yet")
    given = result
    if name not in READ_CENSORED:
        given = replace(result, patient=with_censored_as_reads(result.patient))
    found = function(given.in_place if name in OF_SITES else given, settings)
    warnings = list(result.warnings)
    warnings += [text for text in found.pop("warnings", ()) if text not in warnings]
    for item in found.values():
        for text in getattr(item, "warnings", ()):
            if text not in warnings:
                warnings.append(text)
    known = {item.name: getattr(result, item.name) for item in fields(PatientResult)}
    return AnalysisResult(**{**known, **found, "settings": settings, "warnings": tuple(warnings)})


def analyse(
    patient: Patient, *, settings: Settings | None = None, seed: int | None = None, progress: Progress | None = None
) -> AnalysisResult:
    """Run every stage on one patient: clusters, clone trees, migration histories, seeding labels, timing.

    Parameters
    ----------
    patient : Patient
        From `read_patient` or built by hand.
    settings : Settings, optional
        Default: the defaults of `phylometa.config`.
    seed : int, optional
        Replaces the settings' seed.
    progress : callable (stage, number, of), optional
        Called before each stage.

    Returns
    -------
    AnalysisResult

    Raises
    ------
    InputError
        No variants left.
    InfeasibleError
        No result is possible.
    """
    settings = settings or Settings()
    if seed is not None:
        settings = settings.replace(seed=seed)
    result = AnalysisResult(patient=patient, settings=settings, warnings=patient.warnings)
    for number, name in enumerate(STAGES, start=1):
        if progress is not None:
            progress(name, number, len(STAGES))
        result = run_stage(name, result, settings)
    return result


def classify_cases(document: Any, *, source: str = "cases", settings: Settings | None = None) -> dict[str, Any]:
    """Infer histories and labels of clone trees given as JSON, a list of cases or a single one.

    Parameters
    ----------
    document : mapping
        ``{"cases": [{"id", "input": {...}}]}``, or one case, or one bare input.
    source : str
        Name of the file in messages.
    settings : Settings, optional

    Returns
    -------
    dict
        ``{"cases": [{"id", ...}]}``, see `phylometa.seeding.classify_case`.

    Raises
    ------
    InputError
        Every problem of every case, with its id.
    """
    from phylometa.errors import Problem
    from phylometa.seeding import classify_case

    if not isinstance(document, Mapping):
        raise InputError("expected an object with `cases`, or one case", file=source)
    cases = document.get("cases", [document])
    if not isinstance(cases, list) or not all(isinstance(case, Mapping) for case in cases):
        raise InputError("`cases` is not a list of objects", file=source)
    found, problems = [], []
    for number, case in enumerate(cases, start=1):
        name = str(case.get("id", number))
        try:
            found.append({"id": name, **classify_case(case.get("input", case), settings=settings)})
        except InputError as error:
            problems += [Problem(f"case {name}: {p.message}", source, p.row, p.column) for p in error.problems]
    if problems:
        raise InputError(problems)
    return {"cases": found}


def migrate_tree(
    tree: str | PathLike[str],
    labeling: str | PathLike[str],
    *,
    primary: str,
    model: str = "refined",
    criteria: str = "UMCS",
    pattern: str | None = None,
    settings: MigrationSettings | None = None,
    progress: Progress | None = None,
) -> tuple[CloneTree, HistoryEnsemble]:
    """Find the optimal histories of one given tree, equally weighted.

    Parameters
    ----------
    tree : path
        Edge list, ``parent child`` a line.
    labeling : path
        ``clone site [site...]`` (MACH2) or ``leaf site`` (MACHINA) a line.
    primary : str
        Site of the root, or ``auto``: every site is tried, and weighed as `phylometa.migration.infer_origin` says.
    model : {"refined", "machina"}
    criteria : str
        Letters of U, M, C, S by priority.
    pattern : {"PS", "S", "M", "R"}, optional
        Upper bound.
    settings : MigrationSettings, optional
        Limits and the organ prior (if the primary is known); its criteria and weights are not used.
    progress : callable (text, CPU seconds, limit), optional
        Called as the search goes on, if the primary is known.

    Returns
    -------
    (CloneTree, HistoryEnsemble)

    Raises
    ------
    InputError
        The files are malformed, or `primary` is not among the sites.
    InfeasibleError
        No history satisfies the restrictions.
    """
    from phylometa.io.trees_io import read_tree_with_sites
    from phylometa.migration import infer_migration_histories
    from phylometa.migration.origin import infer_origin
    from phylometa.migration.route_prior import favour_routes, find_route_prior, sites_of_names

    located = read_tree_with_sites(Path(tree), Path(labeling), contract=False if model == "machina" else None)
    chosen = replace(settings or MigrationSettings(), criteria=criteria, weights="uniform")
    if primary == "auto":
        origin = infer_origin(located.tree, located.presence, settings=chosen, model=model, pattern=pattern)
        entries = origin.histories
    else:
        located = located.with_site(primary)
        index = located.site_names.index(primary)
        options: dict[str, Any] = {"primary": index, "settings": chosen, "model": model, "pattern": pattern}
        entries = (infer_migration_histories(located.tree, located.presence, **options, progress=progress),)
    ensemble = HistoryEnsemble(tuple(entries), located.site_names, criteria, "uniform", model)
    if primary != "auto":
        sites = sites_of_names(located.site_names, index)
        ensemble = favour_routes(ensemble, find_route_prior(sites, index, chosen))
    return located.tree, ensemble


def match_primary(tree: str | PathLike[str], labeling: str | PathLike[str], primary: str) -> tuple[str, str]:
    """The site that a user means by `primary`, and a note; see `phylometa.io.phylogenies.match_site`."""
    from phylometa.io.phylogenies import match_site
    from phylometa.io.trees_io import read_tree_with_sites

    if primary == "auto":
        return primary, ""
    return match_site(primary, read_tree_with_sites(Path(tree), Path(labeling)).site_names)


def load_result(directory: str | PathLike[str], *, without: Collection[str] = ()) -> AnalysisResult:
    """Load the result that was written to `directory`, as far as its stages have run.

    Parameters
    ----------
    directory : str or PathLike
    without : collection of str
        Stages that are stale: histories of other trees than those there are not read.

    Raises
    ------
    InputError
        Naming the file that is missing or malformed.
    """
    from phylometa.copy_number import CopyNumberResult
    from phylometa.io.colour_files import COLOURS_FILE, read_colours
    from phylometa.io.documents import reading
    from phylometa.io.results import DOCUMENTS, read_result
    from phylometa.model.timing import TimingResult
    from phylometa.seeding import SeedingLabels

    found = read_result(Path(directory), without=without)
    kinds: dict[str, Callable[[Any], Any]] = {
        "circulation": Circulation.from_json,
        "comparison": lambda document: Comparison.from_json(document, settings=found["settings"].comparison),
        "labels": lambda document: SeedingLabels.from_json(document, settings=found["settings"].seeding),
        "timing": TimingResult.from_json,
        "copy_number": CopyNumberResult.from_json,
    }
    for name, from_json in kinds.items():
        if name in found:
            with reading(Path(directory) / DOCUMENTS[name]):
                found[name] = from_json(found[name])
    result = AnalysisResult(**found)
    colours = Path(directory) / "figures" / COLOURS_FILE
    return read_colours(result, colours, is_own=True) if colours.is_file() else result
