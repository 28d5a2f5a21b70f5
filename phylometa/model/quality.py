"""What quality control finds in the input of a patient: findings, verdicts of samples and sites, strata."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from phylometa.model.frames import frame_of_records
from phylometa.model.short_repr import short_repr

__all__ = ["QualityFinding", "QualityReport", "Stratum", "VERDICTS", "Verdict"]

Verdict = Literal["pass", "untested", "warning", "failed"]
"""``untested``: the data do not hold what the check needs. ``failed``: do not trust what rests on it."""
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

Stratum = Literal[
    "no_copy_number_and_purity", "low_depth", "no_normal", "few_mutations", "swept_ancestors", "failed_check"
]
"""Kinds of patients whose labels may not be calibrated, so that their levels are capped."""


@dataclass(frozen=True, slots=True)
class QualityFinding:
    """One check of one sample, of several samples together, or of the whole patient.

    Parameters
    ----------
    check : str
        Name of the check, such as ``purity`` or ``identical_samples``.
    figure : str
        What was measured, with its unit, in words.
    limit : str
        What it was compared with.
    verdict : {"pass", "untested", "warning", "failed"}
    remedy : str
        What to do; empty if nothing is to be done.
    samples : tuple of str
        Samples it is about; empty: the whole patient.
    sites : tuple of str
        Sites whose labels rest on what failed.
    stratum : Stratum or ""
        Stratum that the finding puts the patient into, unless its verdict is ``pass``.
    """

    check: str
    figure: str
    limit: str
    verdict: Verdict
    remedy: str = ""
    samples: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    stratum: Stratum | Literal[""] = ""

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"QualityFinding.verdict: {self.verdict!r} is none of {', '.join(VERDICTS)}")

    @property
    def text(self) -> str:
        """The finding as one sentence: samples, check, figure, limit, remedy."""
        about = f"{'sample' if len(self.samples) == 1 else 'samples'} {', '.join(self.samples)}: " * bool(self.samples)
        remedy = f"; {self.remedy}" if self.remedy else ""
        limit = f" ({self.limit})" if self.limit else ""
        return f"quality, {self.check.replace('_', ' ')}: {about}{self.figure}{limit}{remedy}"


@dataclass(frozen=True, slots=True)
class QualityReport:
    """All findings about the input of one patient, before any inference.

    Parameters
    ----------
    findings : tuple of QualityFinding
        In the order of the checks.

    Examples
    --------
    >>> copy = QualityFinding("identical_samples", "the same reads", "", "failed", samples=("P", "M"), sites=("liver",))
    >>> report = QualityReport((copy,))
    >>> report.sample_verdict("M"), report.site_verdict("liver"), report.site_verdict("colon"), report.strata
    ('failed', 'failed', 'pass', ('failed_check',))
    """

    findings: tuple[QualityFinding, ...] = ()

    __repr__ = short_repr

    def of_verdict(self, verdict: Verdict) -> tuple[QualityFinding, ...]:
        """List the findings with one verdict."""
        return tuple(finding for finding in self.findings if finding.verdict == verdict)

    @property
    def failed_samples(self) -> tuple[str, ...]:
        """Samples of failed checks, each once."""
        return tuple(dict.fromkeys(name for finding in self.of_verdict("failed") for name in finding.samples))

    @property
    def failed_sites(self) -> tuple[str, ...]:
        """Sites whose labels rest on failed checks, each once."""
        return tuple(dict.fromkeys(name for finding in self.of_verdict("failed") for name in finding.sites))

    def sample_verdict(self, name: str) -> Verdict:
        """Return the worst verdict of the findings about a sample; ``pass`` if there is none."""
        return _worst(finding.verdict for finding in self.findings if name in finding.samples)

    def site_verdict(self, name: str) -> Verdict:
        """Return the worst verdict of the findings about a site; ``pass`` if there is none."""
        return _worst(finding.verdict for finding in self.findings if name in finding.sites)

    @property
    def strata(self) -> tuple[Stratum, ...]:
        """Strata that the patient is in, each once; ``failed_check`` if any check failed."""
        found: list[Stratum] = [f.stratum for f in self.findings if f.stratum and f.verdict in ("warning", "failed")]
        if self.of_verdict("failed"):
            found.append("failed_check")
        return tuple(dict.fromkeys(found))

    def findings_of_stratum(self, stratum: Stratum) -> tuple[QualityFinding, ...]:
        """List the findings that put the patient into a stratum: their remedies say what would lift a cap."""
        if stratum == "failed_check":
            return self.of_verdict("failed")
        return tuple(f for f in self.findings if f.stratum == stratum and f.verdict in ("warning", "failed"))

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence for each finding that is a warning or failed."""
        return tuple(f.text for f in self.findings if f.verdict in ("warning", "failed"))

    def to_frame(self, library: str | None = None) -> Any:
        """Tabulate findings, one row each.

        Parameters
        ----------
        library : {"pandas", "polars", "dict"}, optional
            As in `phylometa.model.frames.frame_of_rows`.
        """
        return frame_of_records(QualityFinding, self.findings, library)


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    found: Verdict = "pass"
    for verdict in verdicts:
        if VERDICTS.index(verdict) > VERDICTS.index(found):
            found = verdict
    return found
