"""Caps of levels by the quality of the input."""

import pytest

from phylometa.model.certainty import Cap
from phylometa.model.quality import QualityFinding, QualityReport
from phylometa.seeding.caps import find_caps

SITES = ("primary", "lung", "brain")
FAVOURED, OPEN = "favoured", "not determined"


def found(*findings):
    return find_caps(QualityReport(findings), SITES)


def levels(caps, *keys):
    return [caps.labels[key].level if key in caps.labels else "" for key in keys]


def routes(caps, *pairs):
    return [caps.routes[pair].level if pair in caps.routes else "" for pair in pairs]


def test_nothing_is_capped_without_a_finding():
    passed = QualityFinding("depth", "median 100 reads", "at least 30", "pass", stratum="low_depth")
    for caps in (found(passed), find_caps(None, SITES)):
        assert not caps.labels and not caps.routes


def test_a_mislabelled_sample_opens_its_sites_and_the_patient():
    finding = QualityFinding(
        *("mislabelled_samples", "fits primary", "", "failed", "correct the sheet"),
        samples=("P1",),
        sites=("lung", "primary"),
    )
    caps = found(finding)
    keys = ("site_sources:lung", "site_seeding:brain", "pattern", "phyletic_distant_only", "divergence:lung")
    assert levels(caps, *keys) == [OPEN, FAVOURED, OPEN, OPEN, OPEN]
    assert routes(caps, ("primary", "lung"), ("brain", "lung"), ("primary", "brain")) == [OPEN, OPEN, OPEN]
    assert caps.labels["pattern"] == Cap(OPEN, "mislabelled samples (P1: fits primary)", "correct the sheet")


def test_contamination_is_a_warning_that_opens_the_site_it_is_in():
    finding = QualityFinding("contamination", "5 %", "", "warning", samples=("B1",), sites=("brain",))
    caps = found(finding)
    assert levels(caps, "site_seeding:brain", "site_seeding:lung", "pattern") == [OPEN, "", OPEN]
    assert routes(caps, ("primary", "brain"), ("primary", "lung")) == [OPEN, ""]


def test_a_rejected_purity_caps_nothing():
    finding = QualityFinding("purity", ".7 given, .4 read", "", "warning", samples=("B1",), sites=("brain",))
    caps = found(finding)
    assert levels(caps, "site_seeding:brain", "site_seeding:lung", "pattern") == ["", "", ""]
    assert routes(caps, ("primary", "brain"), ("primary", "lung")) == ["", ""]


@pytest.mark.parametrize("stratum", ["no_copy_number_and_purity", "low_depth", "few_mutations"])
def test_a_stratum_caps_everything(stratum):
    caps = found(QualityFinding("some_check", "a figure", "a limit", "warning", "more data", stratum=stratum))
    assert levels(caps, "site_seeding:brain", "pattern", "divergence:lung") == [FAVOURED] * 3
    assert routes(caps, ("primary", "brain")) == [FAVOURED]
    assert caps.labels["pattern"].remedy == "more data"


def test_a_failed_check_of_no_site_is_about_all_and_the_lowest_cap_counts():
    stratum = QualityFinding("depth", "median 20 reads", "", "warning", stratum="low_depth")
    failed = QualityFinding("alleles", "exchanged", "", "failed")
    caps = found(stratum, failed)
    assert levels(caps, "site_seeding:brain", "pattern") == [OPEN, FAVOURED]
    assert routes(caps, ("primary", "brain")) == [OPEN]
    assert not found(QualityFinding("power", "weak", "", "warning", sites=("lung",))).labels
