"""A patient's directory as a whole: every stage's files written together, one stage replaced, all of it read back.

Every function takes plain results and writes text; nothing here computes. The same result gives the same bytes.
"""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from phylometa.config import ReadSettings, Settings, settings_from_dict
from phylometa.errors import InputError
from phylometa.io.copy_number_files import write_copy_number
from phylometa.io.documents import read_json, read_json_object, reading, write_json
from phylometa.io.history_files import histories_from_json, histories_to_json, write_migration_graph
from phylometa.io.ownership import replace_part
from phylometa.io.patient_files import CELLS, read_ccf, read_cells, read_clusters, write_clusters, write_input
from phylometa.io.quality_files import read_quality, write_quality
from phylometa.io.result_checks import check_clusters, check_histories, check_probabilities, check_trees
from phylometa.io.segments import join_profiles, read_segment_tables
from phylometa.io.stage_records import STAGE_USES, recorded, stage_files, stage_status
from phylometa.io.timing_files import write_timing
from phylometa.io.tree_results import read_trees, write_circulation, write_trees
from phylometa.io.tsv import read_tsv, write_tsv
from phylometa.model.certainty import CAP_KEYS
from phylometa.model.clone_tree import CloneTree
from phylometa.model.history import HistoryEnsemble
from phylometa.model.labels import SeedingLabels
from phylometa.model.patient import Site
from phylometa.model.result import PatientResult
from phylometa.seeding.criteria import labels_under_criteria

__all__ = [
    "DOCUMENTS",
    "read_result",
    "read_settings_of",
    "update_result",
    "write_histories",
    "write_manifest",
    "write_result",
    "write_stages",
]

VERSIONED_PACKAGES = (*("numpy", "scipy", "networkx", "biopython", "pysam", "matplotlib", "numba", "click", "jinja2"),)


def write_result(
    result: PatientResult, directory: Path, *, arguments: Mapping[str, Any] | None = None, key: str = ""
) -> None:
    """Write all files of a patient but figures, report and log, into an existing empty directory."""
    write_stages(result, directory)
    write_manifest(directory / "manifest.json", result, arguments=arguments or {}, key=key)
    recorded(directory, STAGE_USES, result.settings.to_dict())


def write_stages(result: PatientResult, directory: Path) -> None:
    """Write the subdirectory of every stage that has run, summary.json and warnings.tsv."""
    write_input(result.patient, result.ccf, directory / "input")
    for stage in ("clusters", "trees", "histories", "labels", "timing", "copy_number"):
        if getattr(result, stage) is not None:
            _write_stage(result, stage, directory)
    _write_overview(result, directory)


def update_result(result: PatientResult, directory: Path, stage: str, *, force: bool = False) -> None:
    """Put one stage's files in place of the old ones, and settings and record of the stage into the manifest.

    Other stages' files in the same subdirectory stay. summary.json shows no stage that is stale now. The caller holds
    the lock of the directory.

    Raises
    ------
    OccupiedError
        The stage's subdirectory holds files that phylometa did not write, or (unless `force`) that were changed.
    """
    import shutil

    settings, made = result.settings.to_dict(), (*CHANGED_WITH.get(stage, ()), stage)
    for changed in made:
        name = SUBDIRECTORIES[changed]
        others = [other for other, folder in SUBDIRECTORIES.items() if folder == name and other != changed]
        with replace_part(directory, name, force=force) as partial:
            for path in (path for other in others for path in stage_files(directory, other)):
                shutil.copyfile(path, partial / path.name)
            _write_stage(result, changed, partial, is_subdirectory=True)
    manifest = directory / "manifest.json"
    document = read_json_object(manifest) if manifest.is_file() else {}
    write_json(manifest, {**document, "seed": result.settings.seed, "settings": settings})
    recorded(directory, made, settings)
    stale = {entry.stage for entry in stage_status(directory) if entry.state == "stale"} & set(SUBDIRECTORIES)
    nothing: dict[str, Any] = dict.fromkeys(sorted(stale))
    shown = dataclasses.replace(result, **nothing)
    _write_overview(shown, directory)
    recorded(directory, ["overview"], settings)


# Stage -> earlier stages whose files it changes: what is shown of clusters and trees follows from the same draws.
CHANGED_WITH = {"trees": ("clusters",), "histories": ("clusters", "trees")}
SUBDIRECTORIES = {
    "clusters": "clusters",
    "trees": "trees",
    "histories": "seeding",
    "labels": "seeding",
    "timing": "timing",
    "copy_number": "copy_number",
}


def _write_stage(result: PatientResult, stage: str, directory: Path, *, is_subdirectory: bool = False) -> None:
    target = directory if is_subdirectory else directory / SUBDIRECTORIES[stage]
    target.mkdir(exist_ok=True)
    if stage == "clusters":
        assert result.clusters is not None
        write_clusters(result.patient, result.clusters, target)
    elif stage == "trees":
        assert result.trees is not None
        write_trees(result.trees, result.patient.mutations.sample_names, target)
        if result.circulation is not None:
            write_circulation(result.circulation, target)
    elif stage == "histories":
        assert result.histories is not None and result.trees is not None
        trees = {entry.tree: result.trees.tree(entry.tree) for entry in result.histories.trees}
        write_histories(result.histories, trees, target, result.patient.sites)
    elif stage == "labels":
        write_json(target / "labels.json", result.labels.to_json())
        _write_criteria(result.labels, target / "criteria.tsv")
        if result.comparison is not None:
            write_json(target / "comparison.json", result.comparison.to_json())
    elif stage == "timing":
        write_timing(result.timing, target)
    else:
        write_copy_number(result.copy_number, target)


def _write_criteria(labels: SeedingLabels, path: Path) -> None:
    """Labels under every criterion side by side; no file if they were not compared."""
    found = labels_under_criteria(labels)
    if not found:
        return
    tools = list(dict.fromkeys(tool for row in found for tool in row.values))
    header = ["label", *(column for tool in tools for column in (tool.lower(), f"{tool.lower()}_share")), "differing"]
    rows = [
        (row.label, *(cell for tool in tools for cell in row.values.get(tool, ("", ""))), row.differing)
        for row in found
    ]
    write_tsv(path, header, rows)


def write_histories(
    histories: HistoryEnsemble, trees: Mapping[int, CloneTree], directory: Path, sites: Sequence[Site] = ()
) -> None:
    """Write histories.json, migrations.tsv, graph.dot and graph.graphml of seeding/."""
    write_json(directory / "histories.json", histories_to_json(histories, trees), indent=None)
    header = ["source", "target", "departing_clone", "founding_clone", "probability", "mcse"]
    total, plain = _migration_weights(histories, trees), histories.without_prior
    found = sorted(total.items(), key=lambda item: (-round(item[1], 9), item[0]))
    errors = _migration_errors(histories, trees)
    rows: list[tuple[str | float, ...]] = [(*key, weight, errors.get(key, "")) for key, weight in found]
    if plain is not None:
        header.append("probability_without_prior")
        without = _migration_weights(plain, trees)
        rows = [(*row, without[key]) for row, (key, _) in zip(rows, found)]
    write_tsv(directory / "migrations.tsv", header, rows)
    write_migration_graph(histories, sites, directory)


def _migration_weights(
    histories: HistoryEnsemble, trees: Mapping[int, CloneTree]
) -> dict[tuple[str, str, str, str], float]:
    """(source, target, departing clone, founding clone) -> probability."""
    sites = histories.site_names
    total: dict[tuple[str, str, str, str], float] = {}
    for entry, history in histories:
        names = trees[entry.tree].names
        seen = {(sites[s], sites[t], names[u], names[v]) for u, s, v, t in history.migrations}
        for migration in seen:
            total[migration] = total.get(migration, 0.0) + history.weight
    return total


def _migration_errors(
    histories: HistoryEnsemble, trees: Mapping[int, CloneTree]
) -> dict[tuple[str, str, str, str], float]:
    """(source, target, departing clone, founding clone) -> Monte-Carlo standard error; empty if nothing was sampled."""
    if histories.errors is None:
        return {}
    sites, names = histories.site_names, next(iter(trees.values())).names
    return {(sites[s], sites[t], names[u], names[v]): e for (s, t, u, v), e in histories.errors.migrations.items()}


def _write_overview(result: PatientResult, directory: Path) -> None:
    write_json(directory / "summary.json", summary(result))
    write_tsv(directory / "warnings.tsv", ["warning"], ([text] for text in result.warnings))
    if result.quality is not None:
        write_quality(result.quality, directory / "qc.tsv")


def summary(result: PatientResult) -> dict[str, Any]:
    """summary.json of the contract."""
    patient, trees, histories = result.patient, result.trees, result.histories
    n_events = int(patient.mutations.is_event.sum())
    document: dict[str, Any] = {"patient": patient.name, "n_mutations": patient.mutations.n_mutations - n_events}
    if n_events:
        document["n_copy_number_events"] = n_events
    document["n_samples"] = len(patient.samples)
    document["n_dropped"] = len(patient.dropped)
    document["sites"] = [
        {"name": s.name, "site_class": s.site_class, "is_virtual": s.is_virtual} for s in patient.sites
    ]
    document["clinical"] = {
        name: next((value for sample in patient.samples if (value := getattr(sample, name))), None)
        for name in ("sex", "cancer_type", "treatment", "assay")
    }
    document["n_clusters"] = None if result.clusters is None else result.clusters.n_clusters
    if trees is not None:
        best = trees.best
        parents = {name: None if p < 0 else best.names[p] for name, p in zip(best.names, best.parents)}
        document["tree"] = {
            "weight": trees.weights[0],
            "parents": parents,
            "complete": trees.complete,
            "n_trees": trees.n_trees,
            "method": trees.method,
        }
    if histories is not None:
        probability = histories.migration_probability
        document["migration_graph"] = [
            [source, target, probability[s, t]]
            for s, source in enumerate(histories.site_names)
            for t, target in enumerate(histories.site_names)
            if probability[s, t] > 0
        ]
        document["histories_complete"] = histories.complete
    document["labels"] = None if result.labels is None else result.labels.to_json()
    document["quality"] = _quality(result)
    document["timing"] = None if result.timing is None else dataclasses.asdict(result.timing)
    document["instability"] = _instability(result)
    document["warnings"] = list(result.warnings)
    return document


def _quality(result: PatientResult) -> dict[str, Any] | None:
    """Convergence of the draws, and the caps on levels with their reasons; None without labels."""
    if result.labels is None:
        return None
    certainty = result.labels.to_json()
    capped = {f"route:{route['source']}>{route['target']}": route for route in certainty["routes"] if "cap" in route}
    caps = {**certainty["caps"], **{key: {n: route[n] for n in CAP_KEYS} for key, route in capped.items()}}
    return {"convergence": certainty["convergence"], "caps": caps}


def _instability(result: PatientResult) -> list[dict[str, Any]] | None:
    """Chromosomal instability of every sample in the copy-number tree."""
    if result.copy_number is None:
        return None
    sites = {sample.name: sample.site for sample in result.patient.samples}
    measures = ("ploidy", "altered", "loh", "wgii", "wgd_probability")
    return [
        {"sample": record.name, "site": sites[record.name], **{name: getattr(record, name) for name in measures}}
        for record in result.copy_number.instability
        if record.is_sample
    ]


def write_manifest(path: Path, result: PatientResult, *, arguments: Mapping[str, Any], key: str) -> None:
    """Write manifest.json: versions, arguments, seed, SHA-256 of inputs, settings, and the key `--resume` compares."""
    from importlib.metadata import PackageNotFoundError, version

    import phylometa

    versions: dict[str, str | None] = {"phylometa": phylometa.__version__}
    for name in VERSIONED_PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    document = {
        "versions": {"python": platform.python_version(), **versions},
        "platform": platform.platform(),
        "arguments": dict(arguments),
        "seed": result.settings.seed,
        "inputs": list(result.patient.provenance),
        "settings": result.settings.to_dict(),
        "key": key,
    }
    write_json(path, document)


# Results of later stages as they are on disk.
DOCUMENTS = {
    "circulation": "trees/circulation.json",
    "comparison": "seeding/comparison.json",
    "labels": "seeding/labels.json",
    "timing": "timing/timing.json",
    "copy_number": "copy_number/result.json",
}


def read_result(directory: Path, *, without: Collection[str] = ()) -> dict[str, Any]:
    """Read what `write_stages` wrote, as far as its stages have run: objects of `data` and `trees`, plain documents.

    Parameters
    ----------
    directory : Path
    without : collection of str
        Stages that are stale: histories of other trees than those there are not read.

    Returns
    -------
    dict
        ``patient``, ``ccf``, ``clusters``, ``trees``, ``histories`` as objects; ``circulation``, ``comparison``,
        ``labels``, ``timing`` and ``copy_number`` as the JSON documents on disk; absent stages are absent.

    Raises
    ------
    InputError
        Naming the file that is missing or malformed.
    """
    from phylometa.io.tables import read_patient

    source = directory / "input"
    extra: dict[str, Any] = {
        name: source / file
        for name, file in (("treatments", "treatments.tsv"), ("lesions", "lesions.tsv"), ("genes", "genes.txt"))
        if (source / file).is_file()
    }
    as_used = ReadSettings(by_error=1.0)  # what was used then is used
    patient = read_patient(source / "samples.tsv", settings=as_used, **extra)
    segments = source / "copy_number.tsv"
    if segments.is_file() and any(True for _ in read_tsv(segments)):
        profile = join_profiles([read_segment_tables([segments])], patient.mutations.sample_names)
        patient = patient.with_changes(segments=profile)
    if (source / CELLS).is_file():
        patient = patient.with_changes(cells=read_cells(source / CELLS))
    found: dict[str, Any] = {"patient": patient}
    if (source / "variants.tsv.gz").is_file():
        found["ccf"] = read_ccf(patient, source / "variants.tsv.gz")
    if (directory / "clusters" / "clusters.tsv").is_file():
        with reading(directory / "clusters"):
            found["clusters"] = read_clusters(patient, directory / "clusters")
            check_clusters(found["clusters"])
    if (directory / "trees" / "trees.json").is_file():
        found["trees"] = read_trees(directory / "trees")
        with reading(directory / "trees" / "trees.json"):
            check_trees(found["trees"])
    histories = directory / "seeding" / "histories.json"
    if histories.is_file() and "trees" in found and "histories" not in without:
        trees = [found["trees"].tree(i) for i in range(len(found["trees"]))]
        found["histories"] = histories_from_json(read_json(histories), trees, source=str(histories))
        with reading(histories):
            check_histories(found["histories"])
    for name, file in DOCUMENTS.items():
        if (directory / file).is_file():
            found[name] = read_json_object(directory / file)
            with reading(directory / file):
                check_probabilities(found[name])
    found["settings"] = Settings()
    if (directory / "manifest.json").is_file():
        manifest = directory / "manifest.json"
        document = read_json_object(manifest)
        with reading(manifest):
            found["settings"] = settings_from_dict(document["settings"], source=str(manifest))
            if "inputs" in document:  # the files of the run, not those of input/
                provenance = tuple(dict(entry) for entry in document["inputs"])
                found["patient"] = patient.with_changes(provenance=provenance)
    if (directory / "qc.tsv").is_file():
        found["quality"] = read_quality(directory / "qc.tsv")
    if (directory / "warnings.tsv").is_file():
        found["warnings"] = tuple(row["warning"] for row in read_tsv(directory / "warnings.tsv"))
    return found


def read_settings_of(directory: Path) -> Settings:
    """Read the settings in the manifest of a patient's directory; the defaults if there is none."""
    manifest = directory / "manifest.json"
    if not manifest.is_file():
        return Settings()
    settings = read_json_object(manifest).get("settings", {})
    if not isinstance(settings, Mapping):
        raise InputError("`settings` is no object", file=str(manifest))
    return settings_from_dict(dict(settings), source=str(manifest))
