"""Matrices of mutations in single cells as HDF5: loom files, and the files of Tapestri's pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from phylometa.errors import InputError, PhylometaError
from phylometa.model.arrays import FloatArray
from phylometa.model.cells import CellMatrix

__all__ = ["SUFFIXES", "read_cell_hdf5"]

SUFFIXES = (".loom", ".h5", ".hdf5")
_OF_MUTATIONS = ("id", "variant", "Gene", "Name")
_OF_CELLS = ("barcode", "cell_barcode", "CellID", "cell_id", "id")
_VARIANTS = "assays/dna_variants"
# Genotypes: reference, heterozygous, homozygous, missing.
_GENOTYPES = np.array([0, 1, 1, -1], dtype=np.int8)


def read_cell_hdf5(path: Path) -> CellMatrix:
    """Read a loom file or the HDF5 file of Tapestri's pipeline.

    Parameters
    ----------
    path : Path
        Loom: mutations x cells, names in ``row_attrs`` and ``col_attrs`` (``id`` and ``barcode``, or what loompy calls
        them); reads in the layers ``AD`` and ``DP`` if both are there, else genotypes 0 to 3 in ``matrix``. Tapestri:
        ``assays/dna_variants``, cells x mutations, with the layers ``AF`` (percent) and ``DP``, else ``NGT``.

    Returns
    -------
    CellMatrix
        An identifier ``chr1:115256513:G/A`` becomes ``chr1:115256513:G:A``, as calls of a VCF are named.

    Raises
    ------
    InputError
        No HDF5, another layout, names that are there twice, shapes or values that do not fit.
    PhylometaError
        h5py is not installed.
    """
    try:
        import h5py
    except ImportError:
        raise PhylometaError(
            f"{path}: reading HDF5 needs h5py: pip install h5py; or export tables (AD.csv with --depth DP.csv)"
        ) from None
    try:
        file = h5py.File(path, "r")
    except FileNotFoundError:
        raise InputError("does not exist", file=str(path)) from None
    except OSError:
        raise InputError("is no HDF5 file", file=str(path)) from None
    with file:
        if "row_attrs" in file and "matrix" in file:
            return _read_loom(file, str(path))
        if _VARIANTS in file:
            return _read_tapestri(file[_VARIANTS], str(path))
    raise InputError(f"has neither row_attrs and matrix (loom) nor {_VARIANTS} (Tapestri)", file=str(path))


def _read_loom(file: Any, display: str) -> CellMatrix:
    names = _names(file["row_attrs"], _OF_MUTATIONS, display), _names(file["col_attrs"], _OF_CELLS, display)
    layers = file.get("layers", {})
    if "AD" in layers and "DP" in layers:
        return _from_reads(*names, _table(layers["AD"], display), _table(layers["DP"], display), display)
    return _from_genotypes(*names, _table(file["matrix"], display), display)


def _read_tapestri(group: Any, display: str) -> CellMatrix:
    missing = [name for name in ("ca", "ra", "layers") if name not in group]
    if missing:
        raise InputError(f"{_VARIANTS} lacks {', '.join(missing)}", file=display)
    names = _names(group["ca"], _OF_MUTATIONS, display), _names(group["ra"], _OF_CELLS, display)
    layers = group["layers"]
    if "AF" in layers and "DP" in layers:
        depth = _table(layers["DP"], display).T
        share = _table(layers["AF"], display).T / 100.0
        return _from_reads(*names, np.round(share * depth), depth, display)
    if "NGT" not in layers:
        raise InputError(f"{_VARIANTS}/layers has neither AF and DP nor NGT", file=display)
    return _from_genotypes(*names, _table(layers["NGT"], display).T, display)


def _names(group: Any, known: tuple[str, ...], display: str) -> tuple[str, ...]:
    """Names of mutations or cells, from the first attribute that is there."""
    found = next((name for name in known if name in group), None)
    if found is None:
        raise InputError(f"{group.name} has none of {', '.join(known)}", file=display)
    values = [x.decode() if isinstance(x, bytes) else str(x) for x in np.asarray(group[found]).ravel().tolist()]
    twice = sorted({name for name in values if values.count(name) > 1}) if len(set(values)) < len(values) else []
    if twice:
        raise InputError(f"{group.name}/{found} is there twice: {', '.join(twice[:5])}", file=display)
    return tuple(name.replace("/", ":") if name.count(":") == 2 else name for name in values)


def _table(data: Any, display: str) -> FloatArray:
    """A two-dimensional table of numbers; loom keeps whole numbers as floats."""
    values = np.asarray(data)
    if values.ndim != 2 or values.dtype.kind not in "iufb":
        raise InputError(f"{data.name} is no table of numbers", file=display)
    return values.astype(np.float64)


def _check_shape(mutations: tuple[str, ...], cells: tuple[str, ...], values: FloatArray, display: str) -> None:
    if values.shape != (len(mutations), len(cells)):
        shape = " x ".join(map(str, values.shape))
        raise InputError(f"a table of {shape} for {len(mutations)} mutations and {len(cells)} cells", file=display)


def _from_genotypes(mutations: tuple[str, ...], cells: tuple[str, ...], values: FloatArray, display: str) -> CellMatrix:
    _check_shape(mutations, cells, values, display)
    wrong = ~np.isin(values, (0.0, 1.0, 2.0, 3.0))
    if wrong.any():
        i, c = np.argwhere(wrong)[0]
        raise InputError(
            f"genotype {values[i, c]:g} of {mutations[i]} in cell {cells[c]} is none of 0, 1, 2, 3 "
            f"({int(wrong.sum())} such)",
            file=display,
        )
    return CellMatrix(mutations, cells, _GENOTYPES[values.astype(np.int64)])


def _from_reads(
    mutations: tuple[str, ...], cells: tuple[str, ...], alt: FloatArray, depth: FloatArray, display: str
) -> CellMatrix:
    for values in (alt, depth):
        _check_shape(mutations, cells, values, display)
    wrong = ~((alt >= 0) & (alt <= depth) & (depth < 2**31))
    if wrong.any():
        i, c = np.argwhere(wrong)[0]
        raise InputError(
            f"{alt[i, c]:g} alternate reads of {depth[i, c]:g}: {mutations[i]} in cell {cells[c]} "
            f"({int(wrong.sum())} such)",
            file=display,
        )
    seen = np.where(depth == 0, -1, alt > 0).astype(np.int8)
    return CellMatrix(mutations, cells, seen, alt.astype(np.int32), depth.astype(np.int32))
