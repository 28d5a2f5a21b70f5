"""The report: one self-contained HTML file a patient, and an index page for a cohort."""

from phylometa.report.cohort_index import cohort_index_html, write_cohort_index
from phylometa.report.document import first_screen_html, report_html, write_report
from phylometa.report.one_page import write_one_page

__all__ = [
    "cohort_index_html",
    "first_screen_html",
    "report_html",
    "write_cohort_index",
    "write_one_page",
    "write_report",
]
