"""What a run would read of a sample sheet, and every problem of every file at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phylometa.config import ReadSettings
from phylometa.errors import InputError, Problem
from phylometa.io.patient_reader import PatientReader
from phylometa.io.sheet import parse_sheet
from phylometa.io.words import counted
from phylometa.model.patient import Patient
from phylometa.reference.sample_kinds import KIND_NAMES

__all__ = ["ValidationReport", "validate_sheet"]


@dataclass(frozen=True)
class ValidationReport:
    """Result of `validate_sheet`.

    Parameters
    ----------
    sheet : str
    patients : tuple of str
        Text about each patient that could be read.
    problems : tuple of Problem
        Every problem; empty if a run can start.
    warnings : tuple of str
        Doubtful but legal, by patient.
    """

    sheet: str
    patients: tuple[str, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]

    def to_text(self) -> str:
        """What would be read, then the warnings, then whether a run can start."""
        lines = [*self.patients, *(f"warning: {sentence}" for sentence in self.warnings)]
        verdict = counted(len(self.problems), "problem") if self.problems else "no problems"
        return "\n".join([*lines, f"{self.sheet}: {counted(len(self.patients), 'patient')} can be read, {verdict}"])


def validate_sheet(
    sheet_path: str | Path,
    *,
    settings: ReadSettings | None = None,
    patient: str | None = None,
    **inputs: Any,
) -> ValidationReport:
    """Read everything that a run would read, and list every problem.

    Parameters
    ----------
    sheet_path : path of the sample sheet
    settings : ReadSettings
    patient : str, optional
        Only this patient.
    **inputs
        ``primary treatments lesions genes fasta``, as in `phylometa.io.tables.read_patient`.

    Returns
    -------
    ValidationReport
        A wrong row of the sheet does not hide the problems of the other rows' files.
    """
    settings = settings or ReadSettings()
    try:
        sheet, found = parse_sheet(sheet_path)
    except InputError as error:
        return ValidationReport(str(sheet_path), (), error.problems, ())
    problems: list[Problem] = list(found.problems)
    if patient is not None and patient not in sheet.patients:
        problems.append(Problem(f"has no patient {patient} (patients: {', '.join(sheet.patients)})", sheet.display))
    texts: list[str] = []
    warnings: list[str] = []
    for name in sheet.patients:
        rows = sheet.rows_of(name)
        if patient not in (None, name):
            continue
        if not rows:
            problems.append(Problem(f"patient {name} has no tumour samples: all are normal or excluded", sheet.display))
            continue
        try:
            read = PatientReader(sheet, name, rows, settings, normals=sheet.normals_of(name)).read(**inputs)
        except InputError as error:
            problems.extend(problem for problem in error.problems if problem not in problems)
            continue
        texts.append("\n".join(_describe(read)))
        warnings.extend(f"patient {name}: {sentence}" for sentence in read.warnings)
    return ValidationReport(sheet.display, tuple(texts), tuple(problems), tuple(warnings))


def _describe(patient: Patient) -> Iterator[str]:
    """Files with their dialects, then samples with what is observed, then what is left out."""
    n = patient.mutations.n_mutations
    sites = ", ".join(
        f"{site.name} ({site.site_class}{', not sampled' if site.is_virtual else ''})" for site in patient.sites
    )
    samples = counted(len(patient.samples), "sample")
    alone = "" if n else ", copy-number events in their place"
    yield f"patient {patient.name}: {counted(n, 'mutation')}{alone} in {samples}; sites: {sites}"
    for entry in patient.provenance:
        if "dialect" not in entry:
            continue
        rules = entry.get("rules")
        listed = ", ".join(f"{rule} ({counted(cells, 'cell')})" for rule, cells in rules.items()) if rules else ""
        records = counted(entry["records"], "record")
        counts = f"; counts from {listed}" if listed else ""
        yield f"  {entry['file']}: {entry['reader']} ({entry['dialect']}), {records}{counts}"
    known, share, unknown = (
        table.sum(axis=0) / max(n, 1)
        for table in (
            patient.copy_number.is_known,
            patient.mutations.censored,
            ~(patient.mutations.is_informative | patient.mutations.censored),
        )
    )
    censored = [f"{100 * part:.1f} % censored, " if part else "" for part in share]
    detected = (patient.mutations.alt_counts > 0).sum(axis=0)
    for k, sample in enumerate(patient.samples):
        purity = f"{sample.purity:g}" if sample.purity == sample.purity else "to be estimated"
        origin = f", from {sample.site}" if sample.site else ", of no site"
        where = f"at {sample.site}" if sample.kind == "tissue" else f"({KIND_NAMES[sample.kind]}{origin})"
        if not n:
            yield f"  sample {sample.name} {where}: segments alone"
            continue
        yield (
            f"  sample {sample.name} {where}: purity {purity}; alternate reads at "
            f"{counted(int(detected[k]), 'mutation')}, {100 * unknown[k]:.1f} % unobserved, {censored[k]}"
            f"copy number at {100 * known[k]:.1f} %"
        )
    reasons: dict[str, int] = {}
    for reason in patient.dropped.reasons:
        reasons[reason] = reasons.get(reason, 0) + 1
    if reasons:
        ranked = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
        listed = ", ".join(f"{count} {reason}" for reason, count in ranked[:12])
        yield f"  left out: {listed}" + (" ..." if len(ranked) > 12 else "")
