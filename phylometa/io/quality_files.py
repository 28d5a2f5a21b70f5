"""qc.tsv: the findings of quality control, one per row."""

from __future__ import annotations

from pathlib import Path

from phylometa.errors import InputError
from phylometa.io.tsv import read_tsv, write_tsv
from phylometa.model.quality import QualityFinding, QualityReport

__all__ = ["QC_COLUMNS", "read_quality", "write_quality"]

QC_COLUMNS = ("check", "sample", "figure", "limit", "verdict", "remedy", "site", "stratum")
# Between the names of several samples or sites; a name holds no semicolon in any caller's file that we know.
_SEPARATOR = ";"


def write_quality(report: QualityReport, path: Path) -> None:
    """Write qc.tsv; several samples or sites of one finding are separated by semicolons."""
    write_tsv(
        path,
        list(QC_COLUMNS),
        (
            (
                *(f.check, _SEPARATOR.join(f.samples), f.figure, f.limit, f.verdict, f.remedy),
                *(_SEPARATOR.join(f.sites), f.stratum),
            )
            for f in report.findings
        ),
    )


def read_quality(path: Path) -> QualityReport:
    """Read the report that `write_quality` wrote.

    Raises
    ------
    InputError
        Naming a column that is missing or a verdict that is none.
    """
    findings = []
    for number, row in enumerate(read_tsv(path), start=2):
        missing = [name for name in QC_COLUMNS if name not in row]
        if missing:
            raise InputError(f"column {missing[0]} is missing", file=str(path), row=1)
        samples, sites = (tuple(part for part in row[n].split(_SEPARATOR) if part) for n in ("sample", "site"))
        try:
            finding = QualityFinding(
                row["check"],
                row["figure"],
                row["limit"],
                row["verdict"],  # type: ignore[arg-type]
                row["remedy"],
                samples=samples,
                sites=sites,
                stratum=row["stratum"],  # type: ignore[arg-type]
            )
        except ValueError as error:
            raise InputError(str(error), file=str(path), row=number, column="verdict") from None
        findings.append(finding)
    return QualityReport(tuple(findings))
