"""input/ and clusters/ of a patient's directory: what was read and which mutations travel together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from phylometa.errors import InputError
from phylometa.io.counts import write_counts
from phylometa.io.segment_dialects import MEASURED_COLUMNS
from phylometa.io.tsv import read_tsv, write_tsv
from phylometa.model.cells import PlacedCell
from phylometa.model.clusters import CcfTable, Clustering
from phylometa.model.joint_posterior import CLASSES
from phylometa.model.patient import Patient

__all__ = ["CELLS", "read_ccf", "read_cells", "read_clusters", "table_rows", "write_clusters", "write_input"]

NORMALS, CELLS = "normal.tsv", "cells.tsv"
_CELL_COLUMNS = ["cell", "matrix", "fate", "clone", "second_clone", "probability", "sample"]
SHEET_SITE_TYPES = {"primary": "primary", "lymph_node": "lymph_node", "distant": "metastasis", "bed": "recurrence"}


def write_input(patient: Patient, ccf: CcfTable | None, directory: Path) -> None:
    """Write input/: counts, variants, dropped variants, sample sheet, copy number, treatments, lesions, drivers."""
    directory.mkdir(exist_ok=True)
    write_counts(patient, directory / "counts.tsv")
    if patient.mutations.normal_names:
        write_tsv(directory / NORMALS, _NORMAL_COLUMNS, _normal_rows(patient), is_input=True)
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
        is_input=True,
    )
    write_tsv(
        directory / "lesions.tsv",
        ["patient", "site", "date", "diameter_cm"],
        ((patient.name, lesion.site, lesion.date, lesion.diameter_cm) for lesion in patient.lesions),
        is_input=True,
    )
    if patient.cells:
        rows = ((c.cell, c.matrix, c.fate, c.clone, c.second, c.probability, c.sample) for c in patient.cells)
        write_tsv(directory / CELLS, _CELL_COLUMNS, rows)
    if patient.drivers:
        (directory / "genes.txt").write_text("\n".join(sorted(patient.drivers)) + "\n", encoding="utf-8")
    if ccf is not None:
        _write_variants(patient, ccf, directory / "variants.tsv.gz")


def _write_samples(patient: Patient, path: Path) -> None:
    """A sample sheet over counts.tsv: a patient's directory can be read like any other input."""
    sites = {site.name: site for site in patient.sites}
    header = ["patient", "sample", "site", "site_type", "counts", "purity", "purity_sd", "purity_source"]
    header += [
        "ploidy",
        "sex",
        "age",
        "collection_date",
        "diagnosis_date",
        "cancer_type",
        "treatment",
        "assay",
        "diameter_cm",
    ]
    has_kinds = any(sample.kind != "tissue" for sample in patient.samples)
    header += ["kind"] if has_kinds else []
    rows = []
    for sample in patient.samples:
        site_type = "" if sample.circulates else SHEET_SITE_TYPES[sites[sample.site].site_class]
        row: list[Any] = [patient.name, sample.name, sample.site, site_type]
        source = "reads" if sample.purity_is_estimated else "checked" if sample.purity_is_checked else None
        row += ["counts.tsv", sample.purity, sample.purity_sd or None, source, sample.ploidy, sample.sex, sample.age]
        row += [sample.collection_date, sample.diagnosis_date, sample.cancer_type or None, sample.treatment or None]
        row += [sample.assay, sample.diameter_cm]
        row += [sample.kind] if has_kinds else []
        rows.append(row)
    nothing = [None] * (len(header) - 5)
    rows += [[patient.name, name, "normal", "normal", NORMALS, *nothing] for name in patient.mutations.normal_names]
    # an empty cell, not NA: the sheet is read by the same reader as a user's
    blank = [["" if value is None or value != value else value for value in row] for row in rows]
    write_tsv(path, header, blank, is_input=True)


_NORMAL_COLUMNS = ["mutation_id", "sample_id", "ref_counts", "alt_counts", "chrom", "pos", "ref", "alt"]


def _normal_rows(patient: Patient) -> Iterator[tuple[Any, ...]]:
    """Rows of the table of the matched normals' reads, cells without reads left out."""
    mutations = patient.mutations
    for i, k in zip(*np.nonzero(mutations.normal_depth)):
        alt = mutations.normal_alt[i, k]
        position = mutations.positions[i] + 1 if mutations.positions[i] >= 0 else None
        place = (mutations.chroms[i] or None, position, mutations.refs[i] or None, mutations.alts[i] or None)
        yield (mutations.ids[i], mutations.normal_names[k], mutations.normal_depth[i, k] - alt, alt, *place)


def _write_segments(patient: Patient, path: Path) -> None:
    segments = patient.segments
    is_phased = segments is not None and segments.is_phased
    alleles = ["cn_a", "cn_b", "cn_a2", "cn_b2"] if is_phased else ["major_cn", "minor_cn", "major2_cn", "minor2_cn"]
    header = ["sample", "chrom", "start", "end", *alleles[:2], "total_cn", "fraction", *alleles[2:]]
    rows: Sequence[Any] = ()
    if segments is not None:
        names = [segments.sample_names[i] for i in segments.sample]
        columns = [segments.major, segments.minor, segments.total, segments.fraction, segments.major2, segments.minor2]
        measured = (segments.mean_major, segments.mean_minor, segments.log_ratio, segments.baf)
        if any(np.isfinite(values).any() for values in measured):
            header += MEASURED_COLUMNS
            columns += measured
        rows = list(zip(names, segments.chroms, segments.start + 1, segments.end, *columns))
    write_tsv(path, header, rows, is_input=True)


def _write_variants(patient: Patient, ccf: CcfTable, path: Path) -> None:
    header = ["mutation_id", "sample_id", "gene", "alt_counts", "depth", "vaf", "ccf", "ccf_lo", "ccf_hi"]
    header += ["multiplicity", "vaf_per_ccf", "power", "loss", "total_cn", "purity"]
    mutations, purity = patient.mutations, patient.purity
    vaf, total = mutations.vaf, patient.copy_number.total
    informative = mutations.is_informative

    def rows() -> Iterator[tuple[Any, ...]]:
        for i, name in enumerate(mutations.ids):
            for s, sample in enumerate(mutations.sample_names):
                seen = bool(informative[i, s])
                counts = (mutations.alt_counts[i, s], mutations.depth[i, s]) if seen else (None, None)
                estimate = (ccf.ccf[i, s], ccf.ccf_lo[i, s], ccf.ccf_hi[i, s], ccf.multiplicity[i, s])
                rest = (ccf.vaf_per_ccf[i, s], ccf.power[i, s], ccf.loss[i, s], total[i, s], purity[s])
                yield (name, sample, mutations.genes[i], *counts, vaf[i, s], *estimate, *rest)

    write_tsv(path, header, rows())


def read_cells(path: Path) -> tuple[PlacedCell, ...]:
    """Read the table of single cells that `write_input` wrote."""
    return tuple(
        PlacedCell(
            row["cell"],
            row["matrix"],
            row["fate"],
            row["clone"],
            row["second_clone"],
            _number(row["probability"], path, line, "probability"),
            row["sample"],
        )
        for line, row in enumerate(table_rows(path, _CELL_COLUMNS), start=2)
    )


def read_ccf(patient: Patient, path: Path) -> CcfTable:
    """Read the CCF table that `write_input` wrote, for the same patient."""
    columns = ("ccf", "ccf_lo", "ccf_hi", "multiplicity", "vaf_per_ccf", "power", "loss")
    rows = {name: i for i, name in enumerate(patient.mutations.ids)}
    samples = {name: s for s, name in enumerate(patient.mutations.sample_names)}
    arrays = {name: np.full((len(rows), len(samples)), np.nan) for name in columns}
    for line, row in enumerate(table_rows(path, ["mutation_id", "sample_id", *columns]), start=2):
        place = rows.get(row["mutation_id"]), samples.get(row["sample_id"])
        if None in place:
            message = f"{row['mutation_id']} in {row['sample_id']} is not in counts.tsv"
            raise InputError(message, file=str(path), row=line)
        for name, array in arrays.items():
            array[place] = _number(row[name], path, line, name)
    return CcfTable(**arrays)


def write_clusters(patient: Patient, clusters: Clustering, directory: Path) -> None:
    """Write clusters/: assignments.tsv and clusters.tsv (the contract's columns first), deleted.tsv."""
    directory.mkdir(exist_ok=True)
    names = clusters.names
    write_tsv(
        directory / "assignments.tsv",
        ["mutation_id", "cluster", "probability", "class", "p_clone", "p_artefact", "p_tail", "reads_alone"],
        (
            (m, names[k], p, CLASSES[kind], *of_class, alone + 1)
            for m, k, p, kind, of_class, alone in zip(
                patient.mutations.ids,
                clusters.labels,
                clusters.probability,
                clusters.kind,
                clusters.class_probability,
                clusters.labels if clusters.start is None else clusters.start,
            )
        ),
    )
    header = ["cluster", "sample", "n_mutations", "ccf", "ccf_lo", "ccf_hi", "alt_reads", "total_reads"]
    header += ["support", "flags"]
    sizes = clusters.sizes
    rows = [
        [
            *(names[k], sample, sizes[k]),
            *(getattr(clusters, column)[k, s] for column in header[3:8]),
            *(clusters.support[k], clusters.flags[k]),
        ]
        for k in range(clusters.n_clusters)
        for s, sample in enumerate(patient.mutations.sample_names)
    ]
    write_tsv(directory / "clusters.tsv", header, rows)
    ids, samples = patient.mutations.ids, patient.mutations.sample_names
    cells = ((ids[i], names[clusters.labels[i]], samples[s]) for i, s in clusters.deleted.tolist())
    write_tsv(directory / "deleted.tsv", ["mutation_id", "cluster", "sample"], cells)


def read_clusters(patient: Patient, directory: Path) -> Clustering:
    """Read the clustering that `write_clusters` wrote, for the same patient."""
    path = directory / "clusters.tsv"
    table = table_rows(path, ["cluster", "sample", "ccf", "ccf_lo", "ccf_hi", "alt_reads", "total_reads"])
    names = tuple(dict.fromkeys(row["cluster"] for row in table))
    index = {name: k for k, name in enumerate(names)}
    column = {name: s for s, name in enumerate(patient.mutations.sample_names)}
    arrays: dict[str, Any] = {}
    if table:
        arrays = {name: np.full((len(names), len(column)), np.nan) for name in list(table[0])[3:8]}
    flags = {}
    support = {}
    for number, row in enumerate(table, start=2):
        if row["sample"] not in column:
            raise InputError(
                f"{row['sample']!r} is no sample of this patient", file=str(path), row=number, column="sample"
            )
        for name, array in arrays.items():
            array[index[row["cluster"]], column[row["sample"]]] = _number(row[name], path, number, name)
        flags[row["cluster"]] = row.get("flags", "")
        support[row["cluster"]] = _number(row.get("support", "1"), path, number, "support")
    assignments = {
        row["mutation_id"]: row for row in table_rows(directory / "assignments.tsv", ["mutation_id", "cluster"])
    }
    missing = [name for name in patient.mutations.ids if name not in assignments]
    if missing:
        raise InputError(f"no row for mutation {missing[0]}", file=str(directory / "assignments.tsv"))
    rows = [assignments[name] for name in patient.mutations.ids]
    for row in rows:
        if row["cluster"] not in index:
            raise InputError(
                f"cluster {row['cluster']!r} is not in clusters.tsv", file=str(directory / "assignments.tsv")
            )
    mutation = {name: i for i, name in enumerate(patient.mutations.ids)}
    listed = list(read_tsv(directory / "deleted.tsv")) if (directory / "deleted.tsv").is_file() else []
    deleted = [(mutation[row["mutation_id"]], column[row["sample"]]) for row in listed]
    return Clustering(
        names=names,
        deleted=np.array(deleted, dtype=np.int64).reshape(-1, 2),
        labels=np.array([index[row["cluster"]] for row in rows], dtype=np.int64),
        probability=np.array([float(row.get("probability") or 1) for row in rows]),
        flags=tuple(flags[name] for name in names),
        **arrays,
        **_classes_of(rows, directory / "assignments.tsv"),
        support=np.array([support[name] for name in names]),
    )


def _classes_of(rows: Sequence[dict[str, str]], path: Path) -> dict[str, Any]:
    """Kind and class probabilities of every mutation; a table without these columns holds clone mutations only."""
    if not rows or "class" not in rows[0]:
        return {}
    columns = [f"p_{name}" for name in CLASSES]
    for number, row in enumerate(rows, start=2):
        if row["class"] not in CLASSES:
            expected = ", ".join(CLASSES)
            raise InputError(f"{row['class']!r} is none of {expected}", file=str(path), row=number, column="class")
    start = [_number(row.get("reads_alone", ""), path, number, "reads_alone") for number, row in enumerate(rows, 2)]
    return {
        "start": None if np.isnan(start).any() else np.array(start, dtype=np.int64) - 1,
        "kind": np.array([CLASSES.index(row["class"]) for row in rows], dtype=np.int64),
        "class_probability": np.array(
            [[_number(row[name], path, number, name) for name in columns] for number, row in enumerate(rows, start=2)]
        ),
    }


def table_rows(path: Path, required: Sequence[str]) -> list[dict[str, str]]:
    """Read rows of a table of results; InputError if it is not there or lacks a column."""
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
