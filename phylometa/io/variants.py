"""VCF and BCF to read counts.

Text files are read line by line here rather than through htslib: the line number of every variant left out is known,
headers that htslib refuses can be read or named, and a cell is never converted behind our back. BCF goes through pysam.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from phylometa.config import ReadSettings
from phylometa.errors import InputError
from phylometa.io.calls import Calls
from phylometa.io.files import check_expansion, open_binary, open_text, sha256_of
from phylometa.io.vcf_header import (
    SampleRequest,
    describe_left_out,
    match_columns,
    normal_columns,
    read_header,
    refuse_without_counts,
)
from phylometa.io.vcf_records import RecordReader

__all__ = ["SampleRequest", "bcf_lines", "read_vcf"]


def read_vcf(
    path: Path,
    requests: Sequence[SampleRequest],
    *,
    settings: ReadSettings | None = None,
    display: str = "",
    keep_rejected: bool = False,
) -> Calls:
    """Read counts of some samples of a VCF (plain, gzip, bgzip) or BCF.

    Parameters
    ----------
    path : Path
    requests : sequence of SampleRequest
        Samples wanted; columns are found by name.
    settings : ReadSettings
    display : str
        Name of the file in messages; default the path.
    keep_rejected : bool
        Whether records whose FILTER is not accepted are read too, as `rejected`: another file of the patient may
        accept the mutation. Otherwise they are dropped at once.

    Returns
    -------
    Calls
        One row per alternate allele.

    Raises
    ------
    InputError
        Header or records that cannot be read, a sample without a column, a file without read counts.
    """
    settings = settings or ReadSettings()
    display = display or str(path)
    lines = bcf_lines(path, display) if _is_bcf(path, display) else iter(open_text(path, display, newline="\n"))
    header = read_header(lines, display)
    refuse_without_counts(header, display)
    normals: dict[str, int] = {}
    tumours = [request for request in requests if not request.is_normal]
    if header.columns:
        chosen = match_columns(header, tumours, display)
        columns = [9 + i for i in chosen]
        normals = normal_columns(header, chosen, requests)
    elif len(tumours) == 1:
        columns = []
    else:
        names = ", ".join(request.sample for request in tumours)
        raise InputError(f"has no sample columns, so it cannot tell {names} apart: one file a sample", file=display)
    records = RecordReader(header, tumours, columns, settings, display, keep_rejected, normals=normals)
    records.read(lines)
    calls = records.calls()
    calls.provenance = {
        "file": display,
        "sha256": sha256_of(path),
        "reader": "vcf",
        "dialect": header.caller or "VCF",
        "columns": {request.sample: header.columns[i - 9] for request, i in zip(tumours, columns)},
        "normals": {name: header.columns[i] for name, i in normals.items()},
        "columns_left_out": describe_left_out(header, [*chosen, *normals.values()], requests) if columns else {},
        **records.summary(),
    }
    calls.unused = [name for name, kind in calls.provenance["columns_left_out"].items() if kind == "not in the sheet"]
    return calls


def _is_bcf(path: Path, display: str) -> bool:
    handle = open_binary(path, display)
    try:
        return handle.read(3) == b"BCF"
    except (OSError, EOFError, zlib.error):
        return False  # the text reader says what is wrong with the gzip
    finally:
        handle.close()


def bcf_lines(path: Path, display: str) -> Iterator[str]:
    """Yield the lines of the VCF that a BCF stands for."""
    import pysam

    verbosity = pysam.set_verbosity(0)
    n_bytes, n_compressed = 0, path.stat().st_size
    try:
        with pysam.VariantFile(str(path), "rb") as bcf:
            yield from str(bcf.header).splitlines(keepends=True)
            for record in bcf:
                line = str(record)
                n_bytes += len(line)
                check_expansion(n_bytes, n_compressed, display)
                yield line
    except InputError:
        raise
    except Exception as error:  # damaged files make htslib raise nearly anything
        raise InputError(f"is not a readable BCF file ({error})", file=display) from None
    finally:
        pysam.set_verbosity(verbosity)
