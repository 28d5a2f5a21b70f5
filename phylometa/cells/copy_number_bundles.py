"""Copy number of single cells beside bulk samples: cells of one clone in one site are a sample of the patient.

Clones of one profile are found in the cells of all matrices together (`phylometa.cells.copy_number_clones`), so that a
clone has one name in all sites. Its cells in one site are a sample of kind ``cell`` that has the clone's segments and
no reads, as a bulk sample may (`phylometa.copy_number.event_rows`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from phylometa.cells.bundles import with_sample_columns
from phylometa.cells.copy_number_clones import infer_copy_number_clones
from phylometa.cells.copy_number_segments import join_cells, without_sex_chromosomes
from phylometa.config import CellSettings
from phylometa.errors import InfeasibleError
from phylometa.model.arrays import IntArray
from phylometa.model.cell_copy_number import CellClones, CellCopyNumber
from phylometa.model.cells import PlacedCell
from phylometa.model.patient import CopyNumberProfile, Patient, Sample

__all__ = ["clone_segments", "with_copy_number_bundles"]


def with_copy_number_bundles(patient: Patient, *, settings: CellSettings) -> Patient:
    """Return the patient with its matrices of single cells' copy number turned into samples; the same without any.

    Parameters
    ----------
    patient : Patient
    settings : CellSettings

    Returns
    -------
    Patient
        With a sample for every clone and matrix (a site, as a rule) in which it has `least_cells` cells; normal cells,
        doublets, noisy cells and those in no clone are left out. A warning says how many, `Patient.cells` which.

    Raises
    ------
    InfeasibleError
        The patient has no other samples, and no cell is in a clone of the tumour.
    """
    tables = [(sample, matrix) for sample, matrix in patient.cell_matrices if isinstance(matrix, CellCopyNumber)]
    if not tables:
        return patient
    others = tuple(item for item in patient.cell_matrices if not isinstance(item[1], CellCopyNumber))
    patient = replace(patient, cell_matrices=others)
    sex = next((sample.sex for sample, _ in tables if sample.sex), None)
    sex = sex or next((sample.sex for sample in patient.samples if sample.sex), None)
    joined = without_sex_chromosomes(join_cells([matrix for _, matrix in tables]), is_female=sex == "female")
    found = infer_copy_number_clones(joined, settings=settings)
    owner = np.repeat(np.arange(len(tables)), [len(matrix.cells) for _, matrix in tables])
    records, clone_of_record, in_sample = [], [], {}
    for t, (sample, _) in enumerate(tables):
        for k, name in enumerate(found.names):
            if name != "N" and (owner[found.members(k)] == t).sum() >= settings.least_cells:
                in_sample[t, k] = f"{sample.name}_{name}"
                records.append(replace(sample, name=in_sample[t, k], kind="cell"))
                clone_of_record.append(k)
    if not records and not patient.samples:
        raise InfeasibleError(f"no clone of the tumour in {_words(tables, found, owner, in_sample)}")
    empty = np.zeros((0, len(records)), dtype=np.int64)
    text = _words(tables, found, owner, in_sample)
    grown = with_sample_columns(patient, records, empty[:, 0], empty, empty, np.nan, text)
    placed = []
    for c, (fate, k, second) in enumerate(zip(found.fate, found.clone.tolist(), found.second.tolist())):
        name, cell = tables[owner[c]][0].name, joined.cells[c]
        clones = (found.name_of(k), found.name_of(second))
        sample_name = in_sample.get((int(owner[c]), k), "") if fate == "clone" else ""
        placed.append(PlacedCell(cell, name, fate, *clones, float(found.probability[c]), sample_name))
    names = grown.mutations.sample_names
    segments = clone_segments(found, clone_of_record, [record.name for record in records])
    segments = replace(segments, sample_names=names, sample=segments.sample + len(names) - len(records))
    if grown.segments is not None:
        segments = grown.segments.followed_by(segments)
    warnings = tuple(dict.fromkeys((*grown.warnings, *joined.warnings)))
    return replace(grown, segments=segments, cells=(*grown.cells, *placed), warnings=warnings)


def clone_segments(found: CellClones, clones: Sequence[int], names: Sequence[str]) -> CopyNumberProfile:
    """Return the profiles of some clones as segments.

    Parameters
    ----------
    found : CellClones
    clones : sequence of int
        May name a clone several times.
    names : sequence of str
        Of the samples they stand for.
    """
    matrix, n_alleles = found.matrix, found.profiles.shape[1]
    sample, segment, copies = [], [], []
    for s, k in enumerate(clones):
        known = np.flatnonzero(found.profiles[k, 0] >= 0)
        sample += [s] * len(known)
        segment += known.tolist()
        copies.append(found.profiles[k][:, known].astype(np.float64))
    values = np.concatenate(copies, axis=1) if copies else np.zeros((n_alleles, 0))
    unknown = np.full(values.shape[1], np.nan)
    major, minor = (values[0], values[1]) if n_alleles == 2 else (unknown, unknown)
    return CopyNumberProfile(
        sample_names=tuple(names),
        sample=np.array(sample, dtype=np.int64),
        chroms=tuple(matrix.chroms[j] for j in segment),
        start=matrix.start[segment],
        end=matrix.end[segment],
        major=major,
        minor=minor,
        total=values.sum(axis=0),
        is_phased=matrix.is_phased,
    )


def _words(
    tables: Sequence[tuple[Sample, CellCopyNumber]],
    found: CellClones,
    owner: IntArray,
    in_sample: dict[tuple[int, int], str],
) -> str:
    """What became of the cells, in a sentence."""
    names = ", ".join(sample.name for sample, _ in tables)
    sizes = {key: int((owner[found.members(key[1])] == key[0]).sum()) for key in in_sample}
    listed = ", ".join(f"{name} ({sizes[key]})" for key, name in in_sample.items()) or "none"
    text = f"copy number of {len(found.fate)} single cells of {names}: clones of one profile {listed}; wrong states "
    text += f"{found.error:.3f} of a cell's {len(found.matrix.chroms)} segments"
    rare = found.count("clone") - sum(sizes.values())
    left = {
        "normal": found.count("normal"),
        "two cells": found.count("doublet"),
        "noisy": found.count("noisy"),
        "in no clone of enough cells": found.count("alone"),
        "the only ones of their clone in a site": rare,
    }
    told = ", ".join(f"{n} {what}" for what, n in left.items() if n)
    return text + (f"; left out: {told}" if told else "")
