"""The report of quality control: verdicts, strata, and its file."""

import numpy as np
import pytest

from phylometa.ccf.purity import infer_purity
from phylometa.config import CcfSettings
from phylometa.errors import InputError
from phylometa.io.quality_files import read_quality, write_quality
from phylometa.model.patient import CopyNumberAtLoci, MutationTable, Patient, Sample, Site
from phylometa.model.quality import QualityFinding, QualityReport
from phylometa.qc.check import check_quality


def report_of(patient: Patient) -> QualityReport:
    return check_quality(patient, infer_purity(patient, settings=CcfSettings()))


def report() -> QualityReport:
    return QualityReport(
        (
            QualityFinding(
                "depth", "median 20 reads", "at least 30", "warning", "sequence deeper", stratum="low_depth"
            ),
            QualityFinding("mutations", "50 mutations", "at least 20", "pass", stratum="few_mutations"),
            QualityFinding("identical_samples", "x", "", "failed", "look", samples=("P1", "M 1"), sites=("liver",)),
            QualityFinding("purity", "VAF .35", ".20", "warning", "fix it", samples=("M 1",), sites=("liver",)),
        )
    )


def test_verdicts_are_the_worst_of_a_sample_or_site():
    found = report()
    assert found.failed_samples == ("P1", "M 1") and found.failed_sites == ("liver",)
    assert found.sample_verdict("M 1") == "failed" and found.sample_verdict("P2") == "pass"
    assert found.site_verdict("liver") == "failed" and found.site_verdict("colon") == "pass"


def test_strata_and_what_would_lift_them():
    found = report()
    assert found.strata == ("low_depth", "failed_check")
    assert [f.remedy for f in found.findings_of_stratum("low_depth")] == ["sequence deeper"]
    assert [f.check for f in found.findings_of_stratum("failed_check")] == ["identical_samples"]
    assert found.findings_of_stratum("few_mutations") == ()


def test_warnings_name_samples_figures_limit_and_remedy():
    texts = report().warnings
    assert len(texts) == 3
    assert texts[2] == "quality, purity: sample M 1: VAF .35 (.20); fix it"


def test_file_round_trip(tmp_path):
    write_quality(report(), tmp_path / "qc.tsv")
    assert read_quality(tmp_path / "qc.tsv") == report()
    header = (tmp_path / "qc.tsv").read_text().splitlines()[0].split("\t")
    assert header[:6] == ["check", "sample", "figure", "limit", "verdict", "remedy"]


def test_file_changed_by_hand_is_an_input_error(tmp_path):
    write_quality(report(), tmp_path / "qc.tsv")
    text = (tmp_path / "qc.tsv").read_text()
    (tmp_path / "qc.tsv").write_text(text.replace("failed", "perhaps"))
    with pytest.raises(InputError, match="perhaps"):
        read_quality(tmp_path / "qc.tsv")


@pytest.mark.parametrize(
    ("depth", "n", "purity", "known", "strata"),
    [
        (100, 25, 0.7, True, ()),
        (100, 25, np.nan, True, ()),
        (100, 25, np.nan, False, ("no_copy_number_and_purity",)),
        (29, 25, 0.7, True, ()),
        (19, 25, 0.7, True, ("low_depth",)),
        (100, 19, 0.7, True, ("few_mutations",)),
    ],
)
def test_strata_of_a_patient(depth, n, purity, known, strata):
    table = MutationTable(tuple(map(str, range(n))), ("S",), np.full((n, 1), 10), np.full((n, 1), depth))
    state = np.full((n, 1), 1.0 if known else np.nan)
    copy_number = CopyNumberAtLoci(major=state, minor=state, normal=np.full((n, 1), 2.0))
    samples = (Sample("S", "colon", purity=purity),)
    patient = Patient("P", samples, (Site("colon", "primary"),), table, copy_number)
    assert set(report_of(patient).strata) >= set(strata)
    assert not set(report_of(patient).strata) - {*strata, "failed_check"}
