"""The report: one self-contained HTML file a patient."""

from phylometa.report.document import report_html, write_report

__all__ = ["report_html", "write_report"]
