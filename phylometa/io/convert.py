"""Files of one tool of the field into those of another.

Clone trees with sites: ``machina`` and ``mach2`` (INPUT is the edge list ``X.tree``; the labelling is ``X.labeling`` or
``X.observed.labeling`` beside it), ``metient`` (``X.tsv`` with ``X.tree`` beside it, or
``P_SNVs.tsv`` with ``P_tree.txt``), ``jellyfish`` (a directory).
Reads: ``pyclone`` (a table), ``pairtree`` (``X.ssm`` with ``X.params.json`` beside it). Copy number: ``medicc2``, and
any other dialect as ``segments``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from phylometa.config import ReadSettings
from phylometa.errors import InputError
from phylometa.io import trees_io
from phylometa.io.counts import write_counts
from phylometa.io.pairtree import write_pairtree
from phylometa.io.table_reader import column_names
from phylometa.io.tsv import write_tsv
from phylometa.model.patient import CopyNumberProfile, Patient

__all__ = ["FORMATS", "convert_format", "targets_of", "written_files"]

TREE_FORMATS = ("machina", "mach2", "metient", "jellyfish")
READ_FORMATS = ("pyclone", "pairtree")
COPY_NUMBER_FORMATS = ("medicc2", "segments")
FORMATS = (*TREE_FORMATS, *READ_FORMATS, *COPY_NUMBER_FORMATS)


def targets_of(source: str) -> tuple[str, ...]:
    """List formats that hold the same kind of data as `source`."""
    return next(group for group in (TREE_FORMATS, READ_FORMATS, COPY_NUMBER_FORMATS) if source in group)


def written_files(target: str, output: Path) -> tuple[Path, ...]:
    """List what `convert_format` writes for `output`."""
    if target in ("machina", "mach2"):
        return output, _labeling_of(output)
    if target == "metient":
        return output, output.with_suffix(".tree")
    if target == "jellyfish":
        return tuple(output / f"{name}.tsv" for name in ("samples", "phylogeny", "compositions"))
    if target == "pairtree":
        return output, _params_of(output)
    return (output,)


def convert_format(
    input: Path,
    output: Path,
    *,
    source: str,
    target: str,
    primary: str | None = None,
    patient: str | None = None,
    columns: Sequence[str] = (),
) -> None:
    """Read `input` as `source`, write `output` as `target`; see the module for which files belong to each.

    Parameters
    ----------
    input, output : Path
    source, target : str
        Of the same kind: `targets_of`.
    primary : str, optional
        Primary site, needed by ``metient`` if the input does not say.
    patient : str, optional
        Which patient, if a ``jellyfish`` input holds several.
    columns : sequence of str
        Columns of a table under another name, as in `ReadSettings.columns`.

    Raises
    ------
    InputError
        The input is no file of that format, or holds what the target cannot express.
    """
    if source in TREE_FORMATS:
        _write_tree(_read_tree(input, source, patient), output, target, primary)
    elif source in READ_FORMATS:
        read = _read_reads(input, source, columns)
        write_counts(read, output) if target == "pyclone" else write_pairtree(read, output, _params_of(output))
    else:
        from phylometa.io.segments import read_segment_tables

        with column_names(columns):
            profile = read_segment_tables([input])
        _write_segments(profile, output, target, display=str(input))


def _labeling_of(tree: Path) -> Path:
    return tree.with_suffix(".labeling")


def _params_of(ssm: Path) -> Path:
    return ssm.with_name(ssm.name.removesuffix(".ssm") + ".params.json")


def _metient_tree(table: Path) -> Path:
    """The tree beside a table of Metient: ``X.tree``, or ``P_tree.txt`` beside ``P_SNVs.tsv``."""
    stem = table.name.removesuffix(table.suffix)
    patient = stem.removesuffix("_SNVs")
    names = [f"{name}{ending}" for name in dict.fromkeys((stem, patient)) for ending in (".tree", "_tree.txt", ".txt")]
    found = next((table.with_name(name) for name in names if table.with_name(name).is_file()), None)
    if found is None:
        raise InputError(f"no tree beside it: {' or '.join(names)}", file=str(table))
    return found


def _read_tree(path: Path, source: str, patient: str | None = None) -> trees_io.LocatedTree:
    if source == "jellyfish":
        return trees_io.read_jellyfish(path, patient=patient)
    if source == "metient":
        return trees_io.read_metient(path, _metient_tree(path))
    candidates = (_labeling_of(path), path.with_suffix(".observed.labeling"))
    labeling = next((candidate for candidate in candidates if candidate.is_file()), None)
    if labeling is None:
        raise InputError(f"no labelling beside it: {' or '.join(c.name for c in candidates)}", file=str(path))
    return trees_io.read_tree_with_sites(path, labeling)


def _write_tree(located: trees_io.LocatedTree, output: Path, target: str, primary: str | None) -> None:
    if target == "jellyfish":
        trees_io.write_jellyfish(located, output)
        return
    if target == "metient":
        site = primary or (located.primaries[0] if len(located.primaries) == 1 else None)
        if site is None or site not in located.site_names:
            raise InputError(f"metient needs the primary site (--primary): one of {', '.join(located.site_names)}")
        trees_io.write_metient(located, output, output.with_suffix(".tree"), primary=site)
        return
    write: Callable[..., None] = trees_io.write_machina if target == "machina" else trees_io.write_mach2
    write(located, output, _labeling_of(output))


def _read_reads(path: Path, source: str, columns: Sequence[str]) -> Patient:
    from phylometa.io.tables import read_counts

    patient = read_counts(path, settings=ReadSettings(columns=tuple(columns), by_error=1.0))
    dialects = {str(item.get("dialect", "")).lower() for item in patient.provenance}
    if source == "pairtree" and not any("pairtree" in name or "ssm" in name for name in dialects):
        raise InputError("is no .ssm file of Pairtree", file=str(path))
    return patient


def _write_segments(profile: CopyNumberProfile, output: Path, target: str, *, display: str) -> None:
    names = ("cn_a", "cn_b") if target == "medicc2" else ("major_cn", "minor_cn")
    if target == "medicc2" and not np.isfinite(profile.major + profile.minor).all():
        raise InputError("has segments without allele-specific copy number, which MEDICC2 needs", file=display)
    first = "sample_id" if target == "medicc2" else "sample"
    rows = (
        (profile.sample_names[s], chrom, start + 1, end, major, minor)
        for s, chrom, start, end, major, minor in zip(
            profile.sample, profile.chroms, profile.start, profile.end, profile.major, profile.minor
        )
    )
    write_tsv(output, [first, "chrom", "start", "end", *names], rows, is_input=True)
