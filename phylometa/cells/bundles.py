"""Single cells beside bulk samples: cells of one clone together are a sample of the patient.

Clones are found in the matrix alone (`phylometa.cells.infer`); the cells that the best draw puts into one
clone are one bundle, which enters the joint posterior as a sample of kind ``cell``. The posterior may split or mix its
clones as the other samples ask: a bundle has proportions of its own. A call counts as two molecules of which a carrier
shows one unless it dropped out, so that n calls weigh no more than n cells do.
Two cells that were taken for one are in no bundle. Copy number of cells: `phylometa.cells.copy_number_bundles`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from phylometa.cells.infer import infer_cell_clones
from phylometa.config import CellSettings
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.cell_copy_number import CellCopyNumber
from phylometa.model.cells import CellMatrix, CellPosterior, PlacedCell
from phylometa.model.patient import CopyNumberAtLoci, MutationTable, Patient, Sample

__all__ = ["with_cell_bundles", "with_sample_columns"]

_LEAST_CELLS = 3
_LARGEST_PURITY = 0.99


def with_cell_bundles(patient: Patient, *, settings: CellSettings, rng: np.random.Generator) -> Patient:
    """Return the patient with its matrices of mutations in single cells turned into samples; the same without any.

    Parameters
    ----------
    patient : Patient
    settings : CellSettings
    rng : numpy Generator

    Returns
    -------
    Patient
        Mutations that only cells have are new rows, unobserved elsewhere. Normal cells, doublets, and clones of fewer
        than three cells, are left out; a warning says how many, and `Patient.cells` which.
    """
    left: list[tuple[Sample, CellMatrix | CellCopyNumber]] = []
    for sample, matrix in patient.cell_matrices:
        if isinstance(matrix, CellMatrix):
            found = infer_cell_clones(matrix, settings=settings, rng=rng)
            patient = _with_bundles(patient, sample, matrix, found)
        else:
            left.append((sample, matrix))
    return replace(patient, cell_matrices=tuple(left)) if patient.cell_matrices else patient


def _with_bundles(patient: Patient, sample: Sample, matrix: CellMatrix, found: CellPosterior) -> Patient:
    best = found.best
    n_clones = len(best.parents)
    is_doublet = (found.doublet_probability > 0.5) | (best.second_clone < n_clones)
    members = [np.flatnonzero((best.clone_of_cell == k) & ~is_doublet) for k in range(n_clones)]
    kept = [k for k in range(n_clones) if len(members[k]) >= _LEAST_CELLS]
    rates = np.mean([(draw.false_positive, draw.dropout) for draw in found.draws], axis=0)
    alt, depth = (np.zeros((len(matrix.mutations), len(kept)), dtype=np.int64) for _ in range(2))
    for column, k in enumerate(kept):
        alt[:, column], depth[:, column] = _molecules(matrix, members[k])
    purity, error = 1.0 - rates.sum(), rates[0] / 2.0
    if matrix.alt is not None:
        purity, error = 1.0, rates[0] / 2.0
    records = [
        replace(
            sample,
            name=f"{sample.name}_{number}",
            kind="cell",
            purity=float(min(purity, _LARGEST_PURITY)),
            purity_is_checked=True,
            purity_sd=0.0,
        )
        for number in range(1, len(kept) + 1)
    ]
    listed = ", ".join(f"{record.name} ({len(members[k])})" for record, k in zip(records, kept))
    n_doublets = int(is_doublet.sum())
    left = len(matrix.cells) - sum(len(members[k]) for k in kept) - n_doublets
    text = f"single cells of {sample.name} in bundles of one clone: {listed}; dropout {rates[1]:.3f}, false positives "
    text += f"{rates[0]:.4f}" + (f"; {left} cells are normal or alone in their clone, and left out" if left else "")
    text += f"; {n_doublets} are two cells of different branches, and left out" if n_doublets else ""
    in_sample = {k: record.name for record, k in zip(records, kept)}
    patient = replace(patient, cells=(*patient.cells, *_placed(sample, matrix, found, in_sample)))
    grown = _with_rows(patient, [name for name in matrix.mutations if name not in _rows_of(patient, matrix.mutations)])
    rows = _rows_of(grown, matrix.mutations)
    place = np.array([rows[name] for name in matrix.mutations])
    return with_sample_columns(grown, records, place, alt, depth, error, text)


def _placed(sample: Sample, matrix: CellMatrix, found: CellPosterior, in_sample: dict[int, str]) -> list[PlacedCell]:
    """What became of the cells of a matrix of mutations; `in_sample`: the sample of each clone that is one."""
    best, names = found.best, found.clone_names
    n_clones, cells = len(names), []
    for c, name in enumerate(matrix.cells):
        k, second = int(best.clone_of_cell[c]), int(best.second_clone[c])
        p_doublet = float(found.doublet_probability[c])
        is_doublet = p_doublet > 0.5 or second < n_clones
        fate = "doublet" if is_doublet else "normal" if k == n_clones else "clone" if k in in_sample else "alone"
        chance = np.mean([draw.clone_of_cell[c] == len(draw.parents) for draw in found.draws])
        probability = p_doublet if is_doublet else 1.0 - p_doublet
        probability *= 1.0 if is_doublet else chance if fate == "normal" else 1.0 - chance
        clones = (names[k] if k < n_clones else "N", names[second] if second < n_clones else "")
        cells.append(PlacedCell(name, sample.name, fate, *clones, float(probability), in_sample.get(k, "")))
    return cells


def _molecules(matrix: CellMatrix, cells: IntArray) -> tuple[IntArray, IntArray]:
    """Molecules (n,) that show a mutation, and all, of some cells: two per cell in which something was seen."""
    if matrix.alt is None or matrix.depth is None:
        seen = matrix.seen[:, cells]
        return (seen == 1).sum(axis=1), 2 * (seen >= 0).sum(axis=1)
    depth = matrix.depth[:, cells]
    share = np.where(depth > 0, matrix.alt[:, cells] / np.maximum(depth, 1), 0.0)
    total = 2 * (depth > 0).sum(axis=1)
    return np.minimum(np.round(2.0 * share.sum(axis=1)).astype(np.int64), total), total


def _rows_of(patient: Patient, names: Sequence[str]) -> dict[str, int]:
    """Row of the patient's table of each name that is a mutation's, or the gene of a single mutation."""
    by_id = {name: i for i, name in enumerate(patient.mutations.ids)}
    genes: dict[str, list[int]] = {}
    for i, gene in enumerate(patient.mutations.genes):
        genes.setdefault(gene, []).append(i)
    found = {}
    for name in names:
        if name in by_id:
            found[name] = by_id[name]
        elif name and len(genes.get(name, ())) == 1:
            found[name] = genes[name][0]
    return found


def _with_rows(patient: Patient, names: Sequence[str]) -> Patient:
    """The patient with further mutations, of which the samples that it has say nothing."""
    if not names:
        return patient
    parts = [name.split(":") for name in names]
    placed = [len(part) == 4 and part[1].isdigit() for part in parts]
    nothing = np.zeros((len(names), patient.mutations.n_samples), dtype=np.int32)
    table = MutationTable(
        ids=tuple(names),
        sample_names=patient.mutations.sample_names,
        alt_counts=nothing,
        depth=nothing,
        chroms=tuple(p[0] if ok else "" for p, ok in zip(parts, placed)),
        positions=np.array([int(p[1]) - 1 if ok else -1 for p, ok in zip(parts, placed)]),
        refs=tuple(p[2] if ok else "" for p, ok in zip(parts, placed)),
        alts=tuple(p[3] if ok else "" for p, ok in zip(parts, placed)),
        genes=tuple("" if ok else name for name, ok in zip(names, placed)),
    )
    return patient.with_more_mutations(table)


def with_sample_columns(
    patient: Patient,
    records: Sequence[Sample],
    rows: IntArray,
    alt: IntArray,
    depth: IntArray,
    error: float,
    text: str,
) -> Patient:
    """The patient with further samples, their molecules at some rows; of two copies everywhere, as calls are."""
    old, c = patient.mutations, len(records)
    shape = (old.n_mutations, c)
    new_alt, new_depth = np.zeros(shape, dtype=np.int32), np.zeros(shape, dtype=np.int32)
    new_alt[rows], new_depth[rows] = alt, depth
    rates: FloatArray = np.full(old.depth.shape, np.nan) if old.error_rate is None else np.asarray(old.error_rate)
    names = (*old.sample_names, *(record.name for record in records))
    table = replace(
        old,
        sample_names=names,
        alt_counts=np.column_stack((old.alt_counts, new_alt)),
        depth=np.column_stack((old.depth, new_depth)),
        observed=np.column_stack((old.observed, new_depth > 0)),
        censored=np.column_stack((old.censored, np.zeros(shape, dtype=bool))),
        error_rate=np.column_stack((rates, np.full(shape, error))),
        call_threshold=np.append(old.call_threshold, np.zeros(c, dtype=np.int32)),
        usual_depth=None,  # type: ignore[arg-type]
    )
    one = patient.copy_number
    fill = {
        "major": 1.0,
        "minor": 1.0,
        "normal": 2.0,
        "total": 2.0,
        "fraction": 1.0,
        "major2": np.nan,
        "minor2": np.nan,
    }
    copies = {name: np.column_stack((getattr(one, name), np.full(shape, value))) for name, value in fill.items()}
    segments = patient.segments
    return replace(
        patient,
        samples=(*patient.samples, *records),
        mutations=table,
        copy_number=CopyNumberAtLoci(**copies),
        segments=None if segments is None else replace(segments, sample_names=names),
        warnings=(*patient.warnings, text),
    )
