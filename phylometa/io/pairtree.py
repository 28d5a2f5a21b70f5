"""Pairtree's files, read and written: reads of all samples in one cell (.ssm), names and clusters in a .params.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phylometa.config import ReadSettings
from phylometa.errors import InputError
from phylometa.io.calls import COPY_NUMBER_FIELDS, Calls
from phylometa.io.files import open_text, parse_count, parse_number, sha256_of
from phylometa.io.problems import ProblemList
from phylometa.io.table_reader import TableReader
from phylometa.io.tsv import write_tsv
from phylometa.io.vcf_header import SampleRequest
from phylometa.model.arrays import FloatArray
from phylometa.model.patient import Patient

__all__ = ["is_pairtree", "read_pairtree_params", "read_pairtree_reads", "write_pairtree"]

SSM_COLUMNS = ("id", "var_reads", "total_reads", "var_read_prob")


def is_pairtree(table: TableReader) -> bool:
    """Return whether a header is that of a .ssm file."""
    return {"var_reads", "total_reads", "var_read_prob"} <= {name.lower() for name in table.original}


def read_pairtree_params(path: Path, *, display: str = "") -> dict[str, Any]:
    """Read names of samples, clusters (lists of mutation ids) and garbage of a .params.json.

    Raises
    ------
    InputError
        Not JSON, or ``samples`` is no list of names, or ``clusters`` no list of lists.
    """
    display = display or str(path)
    try:
        params = json.loads("".join(open_text(path, display)))
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not JSON: {error}", file=display) from None
    samples = params.get("samples") if isinstance(params, dict) else None
    if not isinstance(samples, list) or not samples or not all(isinstance(name, str) and name for name in samples):
        raise InputError("samples is not a list of names", file=display)
    if len(set(samples)) != len(samples):
        raise InputError("samples holds a name twice", file=display)
    clusters, garbage = params.get("clusters", []), params.get("garbage", [])
    groups = [*clusters, garbage] if isinstance(clusters, list) else [None]
    if not all(isinstance(group, list) and all(isinstance(name, str) for name in group) for group in groups):
        raise InputError("clusters is not a list of lists of mutation ids", file=display)
    return {"samples": samples, "clusters": clusters, "garbage": garbage}


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of a .ssm file: ids, genes and lines of the mutations, numbers of every sample by column."""

    ids: list[str]
    genes: list[str]
    lines: list[int]
    values: dict[str, list[list[float]]]


def read_pairtree_reads(
    path: Path,
    requests: Sequence[SampleRequest] | None,
    *,
    params: Path | None = None,
    settings: ReadSettings | None = None,
    display: str = "",
) -> Calls:
    """Read the reads of some samples from a .ssm file.

    Parameters
    ----------
    path : Path
    requests : sequence of SampleRequest or None
        Samples wanted; None: all.
    params : Path, optional
        The .params.json; default the file of that name beside the .ssm.
    settings : ReadSettings
        Not used: a .ssm has no filters.
    display : str

    Returns
    -------
    Calls
        ``var_read_prob`` p becomes copy number: 1/2 is two copies, anything else one mutated copy among 1/p. Clusters
        of the .params.json are known clusters; garbage is left out.
    """
    display = display or str(path)
    params = params or path.with_name(path.name.removesuffix(".gz").removesuffix(".ssm") + ".params.json")
    given = read_pairtree_params(params)
    names: list[str] = given["samples"]
    table = TableReader(path, display)
    table.require(SSM_COLUMNS)
    problems = ProblemList(display)
    rows = _read_rows(table, len(names), problems)
    problems.check()
    if not rows.ids:
        raise InputError("holds no rows: no variants left", file=display)
    alt, depth, chance = (np.array(rows.values[name]) for name in SSM_COLUMNS[1:])
    for i, k in np.argwhere(alt > depth):
        text = f"var_reads {alt[i, k]:g} exceed total_reads {depth[i, k]:g}"
        problems.add(text, row=rows.lines[i], column="var_reads")
    problems.check()
    wanted = _wanted(names, requests, problems)
    problems.check()
    chance = chance[:, wanted]
    ids, unknown = rows.ids, [""] * len(rows.ids)
    calls = Calls(
        file=display,
        samples=[request.sample for request in requests] if requests is not None else [names[k] for k in wanted],
        ids=ids,
        chroms=[*unknown],
        positions=np.full(len(ids), -1, dtype=np.int64),
        refs=[*unknown],
        alts=[*unknown],
        lines=np.array(rows.lines, dtype=np.int64),
        alt=alt[:, wanted].astype(np.int32),
        depth=depth[:, wanted].astype(np.int32),
        genes=rows.genes,
        copy_number=_copy_number(chance),
        clusters=_clusters(ids, given, str(params)),
        provenance={
            "file": display,
            "sha256": sha256_of(path),
            "reader": "counts",
            "dialect": "Pairtree",
            "records": len(ids),
            "rules": {"var_reads of total_reads": int(alt[:, wanted].size)},
        },
    )
    if (chance != 0.5).any():
        calls.warnings.append(
            f"{display}: var_read_prob other than 0.5 is read as one mutated copy among 1 / var_read_prob copies"
        )
    garbage = set(given["garbage"])
    calls.keep(np.array([name not in garbage for name in ids]), lambda row: "garbage in the .params.json")
    return calls


def _read_rows(table: TableReader, n_samples: int, problems: ProblemList) -> _Rows:
    """Read all rows; what is wrong with one is added to `problems`, and a row without an id of its own is left out."""
    at = table.indices((*SSM_COLUMNS, "name"))
    rows = _Rows([], [], [], {name: [] for name in SSM_COLUMNS[1:]})
    for line, fields in table:
        identity = fields[at[0]].strip()
        if not identity or identity in rows.ids:
            problems.add("is empty" if not identity else f"{identity} is listed twice", row=line, column="id")
            continue
        for name, index in zip(SSM_COLUMNS[1:], at[1:]):
            rows.values[name].append(_values(fields[index], name, n_samples, line, problems))
        rows.ids.append(identity)
        rows.genes.append(fields[at[4]].strip() if at[4] >= 0 else "")
        rows.lines.append(line)
    return rows


def _copy_number(chance: FloatArray) -> dict[str, NDArray[np.float32]]:
    """Convert the chance that a read of a mutated cell shows the mutation to one mutated copy among its inverse."""
    copy_number = {name: np.full(chance.shape, np.nan, dtype=np.float32) for name in COPY_NUMBER_FIELDS}
    copy_number["fraction"][:] = 1
    copy_number["major"][:] = 1
    copy_number["minor"][:] = chance == 0.5
    copy_number["total"][:] = 1 / chance
    return copy_number


def _values(cell: str, column: str, n_samples: int, line: int, problems: ProblemList) -> list[float]:
    """Numbers of one cell, one per sample."""
    texts = cell.split(",")
    if len(texts) != n_samples:
        problems.add(f"holds {len(texts)} numbers for {n_samples} samples", row=line, column=column)
        return [0.0] * n_samples
    values: list[float] = []
    for text in texts:
        number = parse_number(text) if column == "var_read_prob" else parse_count(text)
        if number is None or (column == "var_read_prob" and not 0.001 <= number <= 1):
            expected = "a probability in [0.001, 1]" if column == "var_read_prob" else "a read count"
            problems.add(f"{text.strip()!r} is not {expected}", row=line, column=column)
            number = 0.5
        values.append(float(number))
    return values


def _wanted(names: list[str], requests: Sequence[SampleRequest] | None, problems: ProblemList) -> list[int]:
    if requests is None:
        return list(range(len(names)))
    wanted = []
    for request in requests:
        name = next((name for name in request.names if name in names), None)
        if name is None:
            problems.add(f"sample {request.sample} is not there (samples found: {', '.join(names)})")
        else:
            wanted.append(names.index(name))
    return wanted


def _clusters(ids: list[str], given: dict[str, Any], params: str) -> list[str] | None:
    """Cluster of every mutation, '' for garbage; None if the .params.json has none."""
    if not given["clusters"]:
        return None
    cluster_of: dict[str, str] = {}
    problems = ProblemList(params)
    for k, members in enumerate(given["clusters"], start=1):
        for name in members:
            if name in cluster_of:
                problems.add(f"{name} is in clusters {cluster_of[name]} and {k}")
            cluster_of[name] = str(k)
    for name in sorted(cluster_of.keys() - set(ids)):
        problems.add(f"{name} is in cluster {cluster_of[name]}, but not in the .ssm file")
    problems.check()
    return [cluster_of.get(name, "") for name in ids]


def write_pairtree(patient: Patient, ssm: Path, params: Path) -> None:
    """Write the .ssm of a patient's reads and the .params.json with its known clusters.

    ``var_read_prob`` is the expected VAF of a clonal mutation on one copy, rho / (rho C_T + (1 - rho) C_N). A mutation
    whose known cluster is '' is garbage; without known clusters each mutation is one.

    Raises
    ------
    InputError
        A sample has no purity.
    """
    mutations = patient.mutations
    purity = patient.purity
    if np.isnan(purity).any():
        missing = [sample.name for sample in patient.samples if np.isnan(sample.purity)]
        raise InputError(f"no purity for {', '.join(missing)}: Pairtree's var_read_prob needs it")
    total = np.where(np.isfinite(patient.copy_number.total), patient.copy_number.total, 2.0)
    probability = purity / (purity * total + (1 - purity) * patient.copy_number.normal)
    rows = []
    for i, name in enumerate(mutations.ids):
        cells = [
            ",".join(str(int(n)) for n in mutations.alt_counts[i]),
            ",".join(str(int(n)) for n in mutations.depth[i]),
            ",".join(f"{p:.6g}" for p in probability[i]),
        ]
        rows.append([f"s{i}", name, *cells])
    write_tsv(ssm, ["id", "name", "var_reads", "total_reads", "var_read_prob"], rows, is_input=True)
    known = patient.known_clusters
    clusters: dict[str, list[str]] = {}
    for i in range(mutations.n_mutations):
        clusters.setdefault(known[i] if known is not None else f"mutation {i}", []).append(f"s{i}")
    garbage = clusters.pop("", [])
    document = {"samples": list(mutations.sample_names), "clusters": list(clusters.values()), "garbage": garbage}
    params.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
