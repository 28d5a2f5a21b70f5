"""A patient's results on disk: one subdirectory a stage, as docs/formats.md says, written and read back.

Every function takes plain results and writes text; nothing here computes. Numbers carry 8 significant digits, JSON
keys are sorted, archives hold no dates: the same result gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from phylometa.data import CcfTable, Clustering, Patient
from phylometa.errors import InputError
from phylometa.io.tsv import DIGITS, read_tsv, write_tsv
from phylometa.trees import PatientResult, PresenceScenario, TreeEnsemble

__all__ = [
    "file_sha256",
    "read_clusters",
    "read_json",
    "read_trees",
    "replace_directory",
    "write_clusters",
    "write_input",
    "write_json",
    "write_manifest",
    "write_summary",
    "write_trees",
]

SHEET_SITE_TYPES = {"primary": "primary", "lymph_node": "lymph_node", "distant": "metastasis", "bed": "recurrence"}


@contextmanager
def replace_directory(target: str | Path) -> Iterator[Path]:
    """A fresh directory beside `target` to write into; it takes the place of `target` when the block ends well.

    Nothing of it is left behind when the block fails or is interrupted, and `target` is then untouched.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}.partial-", dir=target.parent))
    try:
        yield partial
        partial.chmod(0o777 & ~_umask())
        if target.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old-", dir=target.parent))
            os.rename(target, old / target.name)
            os.rename(partial, target)
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.rename(partial, target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def rounded(value: Any) -> Any:
    """`value` ready for JSON: arrays to lists, floats to 8 significant digits, NaN to null, keys to text."""
    if isinstance(value, Mapping):
        return {str(key): rounded(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return rounded(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value) if isinstance(value, (set, frozenset)) else value
        return [rounded(item) for item in items]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return float(f"{number:.{DIGITS}g}") if math.isfinite(number) else None
    return value


def write_json(path: str | Path, document: Any) -> None:
    """Indented JSON, keys in the order given, numbers rounded (see `rounded`)."""
    Path(path).write_text(json.dumps(rounded(document), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """A JSON document; InputError naming the file where it is missing or malformed."""
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=str(path)) from None
    except ValueError as error:
        raise InputError(f"not valid JSON: {error}", file=str(path)) from None


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write_input(
    patient: Patient, ccf: CcfTable | None, directory: Path, *, write_counts: Callable[[Patient, Path], None]
) -> None:
    """input/: counts, variants, dropped variants, sample sheet, copy number, treatments, lesions, driver genes."""
    directory.mkdir(exist_ok=True)
    write_counts(patient, directory / "counts.tsv")
    dropped = patient.dropped
    write_tsv(
        directory / "dropped.tsv.gz",
        ["mutation_id", "sample", "reason", "file", "line"],
        zip(dropped.ids, dropped.samples, dropped.reasons, dropped.files, dropped.lines),
    )
    _write_samples(patient, directory / "samples.tsv")
    _write_segments(patient, directory / "copy_number.tsv")
    write_tsv(
        directory / "treatments.tsv",
        ["patient", "site", "kind", "start", "end", "dose_gy", "fractions"],
        ((patient.name, t.site, t.kind, t.start, t.end, t.dose_gy, t.fractions) for t in patient.treatments),
    )
    write_tsv(
        directory / "lesions.tsv",
        ["patient", "site", "date", "diameter_cm"],
        ((patient.name, lesion.site, lesion.date, lesion.diameter_cm) for lesion in patient.lesions),
    )
    if patient.drivers:
        (directory / "genes.txt").write_text("\n".join(sorted(patient.drivers)) + "\n", encoding="utf-8")
    if ccf is not None:
        _write_variants(patient, ccf, directory / "variants.tsv.gz")


def _write_samples(patient: Patient, path: Path) -> None:
    """A sample sheet over counts.tsv: a patient's directory can be read like any other input."""
    sites = {site.name: site for site in patient.sites}
    header = [
        "patient",
        "sample",
        "site",
        "site_type",
        "counts",
        "purity",
        "purity_source",
        "purity_sd",
        "ploidy",
        "sex",
    ]
    header += ["age", "collection_date", "diagnosis_date", "cancer_type", "treatment", "assay", "diameter_cm"]
    rows = []
    for sample in patient.samples:
        source = "estimated" if sample.purity_is_estimated else "given"
        row: list[Any] = [patient.name, sample.name, sample.site, SHEET_SITE_TYPES[sites[sample.site].site_class]]
        row += ["counts.tsv", sample.purity, source, sample.purity_sd, sample.ploidy, sample.sex, sample.age]
        row += [sample.collection_date, sample.diagnosis_date, sample.cancer_type or None, sample.treatment or None]
        row += [sample.assay, sample.diameter_cm]
        rows.append(row)
    # an empty cell, not NA: the sheet is read by the same reader as a user's
    blank = [["" if value is None or value != value else value for value in row] for row in rows]
    write_tsv(path, header, blank)


def _write_segments(patient: Patient, path: Path) -> None:
    header = [
        "sample",
        "chrom",
        "start",
        "end",
        "major_cn",
        "minor_cn",
        "total_cn",
        "fraction",
        "major2_cn",
        "minor2_cn",
    ]
    segments = patient.segments
    rows: Sequence[Any] = ()
    if segments is not None:
        names = [segments.sample_names[i] for i in segments.sample]
        columns = (segments.major, segments.minor, segments.total, segments.fraction, segments.major2, segments.minor2)
        rows = list(zip(names, segments.chroms, segments.start + 1, segments.end, *columns))
    write_tsv(path, header, rows)


def _write_variants(patient: Patient, ccf: CcfTable, path: Path) -> None:
    header = ["mutation_id", "sample_id", "gene", "alt_counts", "depth", "vaf", "ccf", "ccf_lo", "ccf_hi"]
    header += ["multiplicity", "vaf_per_ccf", "power", "total_cn", "purity"]
    mutations, purity = patient.mutations, patient.purity
    vaf, total = mutations.vaf, patient.copy_number.total
    informative = mutations.is_informative

    def rows() -> Iterator[tuple[Any, ...]]:
        for i, name in enumerate(mutations.ids):
            for s, sample in enumerate(mutations.sample_names):
                seen = bool(informative[i, s])
                counts = (mutations.alt_counts[i, s], mutations.depth[i, s]) if seen else (None, None)
                estimate = (ccf.ccf[i, s], ccf.ccf_lo[i, s], ccf.ccf_hi[i, s], ccf.multiplicity[i, s])
                rest = (ccf.vaf_per_ccf[i, s], ccf.power[i, s], total[i, s], purity[s])
                yield (name, sample, mutations.genes[i], *counts, vaf[i, s], *estimate, *rest)

    write_tsv(path, header, rows())


def write_clusters(patient: Patient, clusters: Clustering, directory: Path) -> None:
    """clusters/: assignments.tsv and clusters.tsv (the contract's columns first)."""
    directory.mkdir(exist_ok=True)
    names = clusters.names
    write_tsv(
        directory / "assignments.tsv",
        ["mutation_id", "cluster", "probability"],
        ((m, names[k], p) for m, k, p in zip(patient.mutations.ids, clusters.labels, clusters.probability)),
    )
    header = ["cluster", "sample", "n_mutations", "ccf", "ccf_lo", "ccf_hi", "alt_reads", "total_reads", "flags"]
    sizes = clusters.sizes
    rows = [
        [names[k], sample, sizes[k], *(getattr(clusters, column)[k, s] for column in header[3:8]), clusters.flags[k]]
        for k in range(clusters.n_clusters)
        for s, sample in enumerate(patient.mutations.sample_names)
    ]
    write_tsv(directory / "clusters.tsv", header, rows)


def read_clusters(patient: Patient, directory: Path) -> Clustering:
    """The clustering that `write_clusters` wrote, for the same patient."""
    path = directory / "clusters.tsv"
    table = _rows(path, ["cluster", "sample", "ccf", "ccf_lo", "ccf_hi", "alt_reads", "total_reads"])
    names = tuple(dict.fromkeys(row["cluster"] for row in table))
    index = {name: k for k, name in enumerate(names)}
    column = {name: s for s, name in enumerate(patient.mutations.sample_names)}
    arrays = {name: np.full((len(names), len(column)), np.nan) for name in list(table[0])[3:8]} if table else {}
    flags = {}
    for number, row in enumerate(table, start=2):
        if row["sample"] not in column:
            raise InputError(
                f"{row['sample']!r} is no sample of this patient", file=str(path), row=number, column="sample"
            )
        for name, array in arrays.items():
            array[index[row["cluster"]], column[row["sample"]]] = _number(row[name], path, number, name)
        flags[row["cluster"]] = row.get("flags", "")
    assignments = {row["mutation_id"]: row for row in _rows(directory / "assignments.tsv", ["mutation_id", "cluster"])}
    missing = [name for name in patient.mutations.ids if name not in assignments]
    if missing:
        raise InputError(f"no row for mutation {missing[0]}", file=str(directory / "assignments.tsv"))
    rows = [assignments[name] for name in patient.mutations.ids]
    for row in rows:
        if row["cluster"] not in index:
            raise InputError(
                f"cluster {row['cluster']!r} is not in clusters.tsv", file=str(directory / "assignments.tsv")
            )
    return Clustering(
        names=names,
        labels=np.array([index[row["cluster"]] for row in rows], dtype=np.int64),
        probability=np.array([float(row.get("probability") or 1) for row in rows]),
        flags=tuple(flags[name] for name in names),
        **arrays,
    )


def _rows(path: Path, required: Sequence[str]) -> list[dict[str, str]]:
    if not path.is_file():
        raise InputError("not found; run the stage before", file=str(path))
    rows = list(read_tsv(path))
    for name in required:
        if rows and name not in rows[0]:
            raise InputError(f"column {name} is missing", file=str(path), row=1)
    return rows


def _number(text: str, path: Path, row: int, column: str) -> float:
    if text in ("NA", ""):
        return math.nan
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{text!r} is not a number", file=str(path), row=row, column=column) from None


def write_trees(trees: TreeEnsemble, sample_names: Sequence[str], directory: Path) -> None:
    """trees/: trees.json, best.nwk, consensus.nwk, edge_support.tsv, clone_proportions.tsv."""
    directory.mkdir(exist_ok=True)
    names = trees.names
    documents = []
    for i in range(len(trees)):
        parents = {name: None if p < 0 else names[p] for name, p in zip(names, trees.parents[i])}
        documents.append(
            {
                "weight": trees.weights[i],
                "log_likelihood": trees.log_likelihood[i],
                "parents": parents,
                "proportions": trees.proportions[i],
                "presence": trees.presence[i],
            }
        )
    scenarios = [
        {
            "tree": s.tree,
            "weight": s.weight,
            "presence": {
                names[k]: [trees.site_names[t] for t in np.flatnonzero(s.presence[k])] for k in range(len(names))
            },
        }
        for s in trees.scenarios
    ]
    document = {
        "trees": documents,
        "complete": trees.complete,
        "n_trees": trees.n_trees,
        "method": trees.method,
        "clones": list(names),
        "n_mutations": trees.n_mutations,
        "samples": list(sample_names),
        "sites": list(trees.site_names),
        "diagnostics": trees.diagnostics,
        "scenarios": scenarios,
    }
    (directory / "trees.json").write_text(
        json.dumps(rounded(document), ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8"
    )
    support = trees.edge_support
    best = trees.best
    confidence = {v: float(support[u, v]) for u, v in best.edges()}
    _write_newick(best.to_phylo(confidence), directory / "best.nwk")
    consensus, clade_support = trees.consensus()
    _write_newick(consensus.to_phylo(clade_support), directory / "consensus.nwk")
    ancestor = trees.ancestor_probability
    pairs = [(u, v) for u in range(len(names)) for v in range(len(names)) if support[u, v] > 0 or ancestor[u, v] > 0]
    write_tsv(
        directory / "edge_support.tsv",
        ["parent", "child", "probability", "ancestor_probability"],
        ((names[u], names[v], support[u, v], ancestor[u, v]) for u, v in pairs),
    )
    mean = np.einsum("t,tks->ks", trees.weights, trees.proportions)
    write_tsv(
        directory / "clone_proportions.tsv",
        ["clone", "sample", "proportion", "proportion_best_tree"],
        (
            (names[k], sample, mean[k, s], trees.proportions[0, k, s])
            for k in range(len(names))
            for s, sample in enumerate(sample_names)
        ),
    )


def _write_newick(tree: Any, path: Path) -> None:
    from Bio import Phylo

    with path.open("w", encoding="utf-8") as handle:
        Phylo.write(tree, handle, "newick", format_branch_length="%.6g", format_confidence="%.4g")


def read_trees(directory: Path) -> TreeEnsemble:
    """The ensemble that `write_trees` wrote."""
    path = directory / "trees.json"
    document = read_json(path)
    try:
        names = document["clones"]
        index: dict[str | None, int] = {name: k for k, name in enumerate(names)}
        index[None] = -1
        sites = {name: t for t, name in enumerate(document["sites"])}
        scenarios = []
        for item in document["scenarios"]:
            presence = np.zeros((len(names), len(sites)), dtype=bool)
            for clone, where in item["presence"].items():
                presence[index[clone], [sites[t] for t in where]] = True
            scenarios.append(PresenceScenario(item["tree"], item["weight"], presence))
        trees = document["trees"]
        return TreeEnsemble(
            names=names,
            n_mutations=document["n_mutations"],
            parents=np.array([[index[tree["parents"][name]] for name in names] for tree in trees]),
            weights=np.array([tree["weight"] for tree in trees]),
            log_likelihood=np.array([tree["log_likelihood"] for tree in trees], dtype=float),
            proportions=np.array([tree["proportions"] for tree in trees], dtype=float),
            presence=np.array([tree["presence"] for tree in trees], dtype=float),
            site_names=document["sites"],
            complete=document["complete"],
            n_trees=document["n_trees"],
            method=document["method"],
            diagnostics=document["diagnostics"],
            scenarios=tuple(scenarios),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"not a trees.json of phylometa: {error!r}", file=str(path)) from None


def write_summary(result: PatientResult, path: Path) -> None:
    """summary.json of the contract."""
    patient, trees, histories = result.patient, result.trees, result.histories
    document: dict[str, Any] = {"patient": patient.name, "n_mutations": patient.mutations.n_mutations}
    document["n_samples"] = len(patient.samples)
    document["sites"] = [
        {"name": s.name, "site_class": s.site_class, "is_virtual": s.is_virtual} for s in patient.sites
    ]
    document["n_clusters"] = None if result.clusters is None else result.clusters.n_clusters
    if trees is not None:
        best = trees.best
        parents = {name: None if p < 0 else best.names[p] for name, p in zip(best.names, best.parents)}
        document["tree"] = {"weight": trees.weights[0], "parents": parents, "complete": trees.complete}
        document["tree"] |= {"n_trees": trees.n_trees, "method": trees.method}
    if histories is not None:
        probability = histories.migration_probability
        document["migration_graph"] = [
            [source, target, probability[s, t]]
            for s, source in enumerate(histories.site_names)
            for t, target in enumerate(histories.site_names)
            if probability[s, t] > 0
        ]
        document["histories_complete"] = histories.complete
    document["labels"] = result.labels
    document["timing"] = result.timing
    document["warnings"] = list(result.warnings)
    write_json(path, document)


def write_manifest(path: Path, *, settings: Any, arguments: Mapping[str, Any], inputs: Sequence[Any], key: str) -> None:
    """manifest.json: versions, arguments, seed, SHA-256 of the inputs, settings, and the key `--resume` compares."""
    from importlib.metadata import PackageNotFoundError, version

    packages = (
        "phylometa",
        "numpy",
        "scipy",
        "networkx",
        "biopython",
        "pysam",
        "matplotlib",
        "numba",
        "click",
        "jinja2",
    )
    versions: dict[str, str | None] = {}
    for name in packages:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    document = {
        "versions": {"python": platform.python_version(), **versions},
        "platform": platform.platform(),
        "arguments": dict(arguments),
        "seed": settings.seed,
        "inputs": list(inputs),
        "settings": settings.to_dict(),
        "key": key,
    }
    write_json(path, document)
