"""Every check of quality control on a small patient in whom it must speak, and on one in whom it must not."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from phylometa.ccf.purity import infer_purity
from phylometa.config import CcfSettings
from phylometa.io.tables import read_patient
from phylometa.model.patient import CopyNumberAtLoci, MutationTable, Patient, Sample, Site
from phylometa.qc.calls import check_filters, check_genome, check_power, check_uncalled
from phylometa.qc.check import check_quality
from phylometa.qc.contamination import allow_for_contamination, check_contamination, find_contamination
from phylometa.qc.dispersion import check_dispersion
from phylometa.qc.mutations import check_alleles, check_damage, check_germline, check_impossible_vaf
from phylometa.qc.normal import check_normal
from phylometa.qc.purity import largest_frequency
from phylometa.qc.samples import check_identical_samples, check_mislabelled_samples
from phylometa.qc.sequencing_error import allow_for_errors, check_sequencing_error
from phylometa.qc.sex import check_sex

SITES = (Site("colon", "primary"), Site("liver", "distant"), Site("lung", "distant"))


def patient(alt, depth, sites, *, purity=0.7, state=(1.0, 1.0), normal=2.0, **columns) -> Patient:
    alt, depth = np.asarray(alt), np.broadcast_to(depth, np.shape(alt))
    n, n_samples = alt.shape
    names = tuple(f"{site}_{k}" for k, site in enumerate(sites))
    table = MutationTable(tuple(f"m{i}" for i in range(n)), names, alt, depth, **columns)
    whole = np.ones((n, n_samples))
    copy_number = CopyNumberAtLoci(major=state[0] * whole, minor=state[1] * whole, normal=normal * whole)
    samples = tuple(Sample(name, site, purity=purity) for name, site in zip(names, sites))
    return Patient("x", samples, SITES, table, copy_number)


def reads(vaf, depth=120, seed=1):
    """Reads (n, S) at given VAFs."""
    return np.random.default_rng(seed).binomial(depth, np.asarray(vaf, dtype=float) * 0.998 + 0.001)


def blocks(*rows):
    """VAFs (n, S): every row so often as its first number says."""
    return np.array([row for n, *row in rows for _ in range(n)])


def used(one: Patient):
    return np.full(one.mutations.n_samples, 0.7), np.full(one.mutations.n_samples, 0.02)


CLEAN = blocks(
    (40, 0.35, 0.35, 0.35, 0.35, 0.35, 0.35),
    (10, 0.2, 0.1, 0, 0, 0, 0),
    (10, 0, 0, 0.35, 0.35, 0, 0),
    (10, 0, 0, 0, 0, 0.35, 0.35),
    (6, 0, 0, 0, 0.15, 0, 0),
)
SIX = ("colon", "colon", "liver", "liver", "lung", "lung")


def test_a_clean_patient_has_no_alarm():
    one = patient(reads(CLEAN), 120, SIX)
    report = check_quality(one, infer_purity(one, settings=CcfSettings()))
    assert report.warnings == () and report.strata == ()
    checks = [finding.check for finding in report.findings]
    assert len(set(checks)) >= 15 and all(finding.figure for finding in report.findings)


def test_identical_samples_are_both_named_with_their_sites():
    alt = reads(CLEAN)
    depth = np.random.default_rng(2).poisson(120, alt.shape)
    alt = np.minimum(alt, depth)
    assert check_identical_samples(patient(alt, depth, SIX))[0].verdict == "pass"
    alt[:, 4], depth[:, 4] = alt[:, 1], depth[:, 1]
    (finding,) = check_identical_samples(patient(alt, depth, SIX))
    assert finding.verdict == "failed" and finding.samples == ("colon_1", "lung_4")
    assert finding.sites == ("colon", "lung")
    alt[:, 0], depth[:, 0] = alt[:, 1], depth[:, 1]
    assert [f.verdict for f in check_identical_samples(patient(alt, depth, SIX))] == ["warning", "failed", "failed"]


def test_fractions_written_as_reads_are_not_identical_samples():
    alt = np.tile([[50], [50], [0], [0], [50]], (4, 2))
    assert check_identical_samples(patient(alt, 100, ("colon", "liver")))[0].verdict == "untested"


def test_a_sample_of_another_site_is_named():
    vaf = blocks(
        (40, *[0.35] * 7),
        (12, 0.35, 0.3, 0.35, 0, 0, 0, 0),
        (10, 0, 0, 0, 0.35, 0.35, 0, 0),
        (10, 0, 0, 0, 0, 0, 0.35, 0.35),
    )
    right = ("colon", "colon", "colon", "liver", "liver", "lung", "lung")
    assert check_mislabelled_samples(patient(reads(vaf), 120, right))[0].verdict == "pass"
    (finding,) = check_mislabelled_samples(patient(reads(vaf), 120, ("liver", *right[1:])))
    assert finding.verdict == "failed" and finding.samples == ("liver_0",)
    assert finding.sites == ("liver", "colon") and "12 mutations" in finding.figure


def test_the_region_that_a_metastasis_came_from_is_not_mislabelled():
    """A region of the primary shares the founder's mutations with the metastasis, but not what came later."""
    vaf = blocks((40, *[0.35] * 5), (12, 0.3, 0, 0, 0.35, 0.35), (10, 0, 0, 0, 0.35, 0.35), (8, 0, 0.3, 0.3, 0, 0))
    one = patient(reads(vaf), 120, ("colon", "colon", "colon", "liver", "liver"))
    assert check_mislabelled_samples(one)[0].verdict == "pass"


def test_one_sample_a_site_cannot_be_tested_for_labels():
    assert check_mislabelled_samples(patient(reads(CLEAN[:, ::2]), 120, SIX[::2]))[0].verdict == "untested"


def test_foreign_dna_brings_every_mutation_of_its_donor():
    mixed = CLEAN.copy()
    mixed[:, 2] = 0.94 * CLEAN[:, 2] + 0.06 * CLEAN[:, 4]
    mixed[:, 5] = 0.94 * CLEAN[:, 5] + 0.06 * CLEAN[:, 3]
    one, purity = patient(reads(mixed), 120, SIX), np.full(6, 0.7)
    found = find_contamination(one, purity)
    assert [(c.target, c.donor) for c in found] == [("liver_2", "lung_4"), ("lung_5", "liver_3")]
    assert [c.ratio for c in found] == pytest.approx([0.06, 0.06], abs=0.02)
    findings = check_contamination(one, found)
    assert {f.samples for f in findings} == {("liver_2",), ("lung_5",)}
    assert all(f.verdict == "warning" and "%" in f.figure for f in findings)
    # a clone of low CCF brings its own mutations only
    clone = CLEAN.copy()
    clone[50:54, 0] = 0.02
    one = patient(reads(clone), 120, SIX)
    assert find_contamination(one, purity) == () and check_contamination(one, ())[0].verdict == "pass"


def test_foreign_reads_count_as_errors():
    """The share that the donor's alleles make of a cell's reads; the same if it is allowed for twice."""
    mixed = CLEAN.copy()
    mixed[:, 2] = 0.94 * CLEAN[:, 2] + 0.06 * CLEAN[:, 4]
    mixed[:, 5] = 0.94 * CLEAN[:, 5] + 0.06 * CLEAN[:, 3]
    one = patient(reads(mixed), 120, SIX)
    found = find_contamination(one, np.full(6, 0.7))
    allowed = allow_for_contamination(one, found, error_rate=0.001)
    rates = allowed.mutations.error_rate
    assert np.isnan(rates[:, [0, 1, 3, 4]]).all()
    expected = 0.001 + found[0].ratio * one.mutations.vaf[:, 4]
    brought = one.mutations.vaf[:, 4] > 0
    np.testing.assert_allclose(rates[brought, 2], expected[brought], rtol=1e-5)
    assert np.isnan(rates[~brought, 2]).all()
    again = allow_for_contamination(allowed, found, error_rate=0.001)
    np.testing.assert_array_equal(again.mutations.error_rate, rates)
    assert allow_for_contamination(one, (), error_rate=0.001) is one


def test_mutations_above_the_largest_possible_vaf():
    one = patient(reads(CLEAN), 120, SIX)
    assert largest_frequency(one, np.full(6, 0.7))[0] == pytest.approx(0.35)
    assert check_impossible_vaf(one, *used(one))[0].verdict == "pass"
    vaf = CLEAN.copy()
    vaf[:8] = 0.55
    one = patient(reads(vaf), 120, SIX)
    findings = check_impossible_vaf(one, *used(one))
    assert [f.samples for f in findings] == [(name,) for name in one.mutations.sample_names]
    assert "largest possible 0.3" in findings[0].figure
    nothing = patient(reads(vaf), 120, SIX, state=(np.nan, np.nan))
    assert check_impossible_vaf(nothing, *used(nothing))[0].verdict == "untested"


def test_many_slight_excesses_count_together():
    vaf = CLEAN.copy()
    vaf[:8] = 0.47
    one = patient(reads(vaf, depth=60), 60, SIX)
    findings = check_impossible_vaf(one, *used(one))
    assert [f.verdict for f in findings] == ["warning"] * len(findings)


def test_two_mutations_of_an_arm_that_lost_an_allele_in_one_sample_are_enough():
    """Too few for a finding about a sample, but far above what chance brings."""
    vaf = CLEAN.copy()
    vaf[0, 0] = vaf[1, 3] = 0.65
    one = patient(reads(vaf), 120, SIX)
    (finding,) = check_impossible_vaf(one, *used(one))
    assert finding.verdict == "warning" and not finding.samples
    assert finding.figure.startswith("in some sample or over all together 2 of") and "(m0, m1) lie" in finding.figure
    assert "loss of heterozygosity" in finding.remedy
    vaf[1, 3] = CLEAN[1, 3]
    one = patient(reads(vaf), 120, SIX)
    assert check_impossible_vaf(one, *used(one))[0].verdict == "pass"


def test_germline_variants_have_one_vaf_whatever_the_purity():
    purity, sd = np.array([0.4, 0.7]), np.full(2, 0.02)
    somatic = blocks((60, 0.2, 0.35))
    one = patient(reads(somatic), 120, ("colon", "liver"))
    assert check_germline(one, purity, sd)[0].verdict == "pass"
    one = patient(reads(np.concatenate((somatic, blocks((4, 0.5, 0.5))))), 120, ("colon", "liver"))
    (finding,) = check_germline(one, purity, sd)
    assert finding.verdict == "warning" and "4 of 64" in finding.figure and "m60" in finding.figure


def test_the_matched_normal():
    """It is clean, shows mutations that are none, or holds tumour cells."""
    vaf = blocks((60, 0.35, 0.3), (3, 0.1, 0.1))
    own = np.zeros(63)
    (untested,) = check_normal(patient(reads(vaf), 120, ("colon", "liver")), error_rate=0.001)
    assert untested.verdict == "untested"

    def with_normal(in_normal):
        normal = {
            "normal_names": ("N",),
            "normal_alt": reads(in_normal[:, None], 80),
            "normal_depth": np.full((63, 1), 80),
        }
        return check_normal(patient(reads(vaf), 120, ("colon", "liver"), **normal), error_rate=0.001)

    assert [finding.verdict for finding in with_normal(own)] == ["pass"]
    own[60:] = 0.3
    (shown,) = with_normal(own)
    assert shown.verdict == "warning" and "3 of 63" in shown.figure and "m60, m61, m62" in shown.figure
    tumour, mutations = with_normal(own + 0.1 * vaf[:, 0])
    assert tumour.verdict == "warning" and "N holds tumour cells" in tumour.figure and "colon_0" in tumour.figure
    assert mutations.verdict == "warning" and "3 of 63" in mutations.figure


def test_sequencing_errors_beyond_the_usual():
    """The first sample has ten times the usual rate where it lacks the mutation; cells with a stated rate keep it."""
    vaf = blocks((40, 0.3, 0.3), (60, 0.01, 0.3))
    one = patient(reads(vaf), 120, ("colon", "liver"))
    (finding,) = check_sequencing_error(one, usual=0.001)
    assert finding.verdict == "warning" and finding.samples == ("colon_0",) and finding.sites == ("colon",)
    (clean,) = check_sequencing_error(
        patient(reads(np.where(vaf == 0.01, 0.0, vaf)), 120, ("colon", "liver")), usual=0.001
    )
    assert clean.verdict == "pass"
    allowed = allow_for_errors(one, usual=0.001)
    rate = allowed.mutations.error_rate
    assert np.ptp(rate[:, 0]) == 0 and rate[0, 0] == pytest.approx(0.011, rel=0.15) and np.isnan(rate[:, 1]).all()
    assert allow_for_errors(allowed, usual=0.001) is allowed
    stated = one.with_changes(mutations=replace(one.mutations, error_rate=np.full((100, 2), 0.002)))
    assert allow_for_errors(stated, usual=0.001) is stated


def test_what_every_site_sheds_into_plasma_is_no_sequencing_error():
    """One percent of every clone in plasma looks like ten times the usual error: only tissue may say so."""
    vaf = blocks((40, 0.3, 0.3), (60, 0.01, 0.3))
    one = patient(reads(vaf), 120, ("colon", "liver"))
    assert np.isfinite(allow_for_errors(one, usual=0.001).mutations.error_rate[:, 0]).all()
    for kind in ("ctdna", "ctc", "ascites"):
        shed = one.with_changes(samples=(replace(one.samples[0], kind=kind, site=""), one.samples[1]))
        assert allow_for_errors(shed, usual=0.001) is shed


def test_sequencing_errors_are_no_foreign_dna_and_no_tumour_in_the_normal():
    """One rate of .01 in every cell: each sample shows reads of what the others have, at one ratio of their VAFs."""
    normal = {"normal_names": ("N",), "normal_alt": reads(np.full((100, 1), 0.009), 80)}
    one = patient(
        reads(np.maximum(np.tile(CLEAN, (2, 1))[:100], 0.009)), 120, SIX, **normal, normal_depth=np.full((100, 1), 80)
    )
    verdicts = {}
    for finding in check_quality(one, infer_purity(one, settings=CcfSettings())).findings:
        verdicts.setdefault(finding.check, set()).add(finding.verdict)
    assert verdicts["sequencing_error"] == {"warning"}
    assert verdicts["contamination"] == {"pass"} and verdicts["normal"] == {"pass"}


def test_reads_that_vary_more_than_a_binomial():
    rng = np.random.default_rng(3)
    vaf = np.broadcast_to([0.2, 0.3, 0.35], (80, 3))
    names = ("colon", "liver", "lung")
    for precision, verdict in ((1000.0, "pass"), (40.0, "warning")):
        drawn = rng.beta(vaf * precision, (1 - vaf) * precision)
        one = patient(reads(drawn, depth=150), 150, names)
        (finding,) = check_dispersion(one, infer_purity(one, settings=CcfSettings()))
        assert finding.verdict == verdict, precision
    assert "vary more than a binomial: about 4.6 times its variance at 150 reads" in finding.figure
    few = patient(reads(CLEAN[:10]), 120, SIX)
    assert check_dispersion(few, infer_purity(few, settings=CcfSettings()))[0].verdict == "untested"


def test_damaged_dna_leaves_one_kind_among_low_mutations():
    vaf = blocks((60, 0.35, 0.35), (40, 0.05, 0.0))
    alleles = [("A", "C"), ("C", "T"), ("G", "C"), ("T", "A")] * 15
    for low, expected in ([("C", "T"), ("G", "A")] * 20, "FFPE"), ([("G", "T"), ("C", "A")] * 20, "oxidation"):
        refs, alts = zip(*(alleles + low))
        findings = check_damage(patient(reads(vaf), 120, ("colon", "liver"), refs=refs, alts=alts))
        assert [f.samples for f in findings] == [("colon_0",)] and expected in findings[0].figure
    refs, alts = zip(*(alleles + alleles[:40]))
    assert check_damage(patient(reads(vaf), 120, ("colon", "liver"), refs=refs, alts=alts))[0].verdict == "pass"
    assert check_damage(patient(reads(vaf), 120, ("colon", "liver")))[0].verdict == "untested"


def test_exchanged_columns():
    alt = reads(CLEAN)
    assert check_alleles(patient(alt, 120, SIX))[0].verdict == "pass"
    alt[:, 1] = 120 - alt[:, 1]
    assert check_alleles(patient(alt, 120, SIX))[0].samples == ("colon_1",)


@pytest.mark.parametrize(
    ("sex", "vaf", "normal", "verdict"),
    [
        ("male", 0.7, 1.0, "pass"),
        ("female", 0.35, 2.0, "pass"),
        ("female", 0.7, 2.0, "warning"),
        ("male", 0.35, 1.0, "warning"),
        (None, 0.7, 2.0, "untested"),
    ],
)
def test_sex_against_x(sex, vaf, normal, verdict):
    one = patient(
        reads(np.full((12, 2), vaf)),
        120,
        ("colon", "liver"),
        normal=normal,
        chroms=("chrX",) * 12,
        state=(1.0, normal - 1.0),
    )
    one = one.with_changes(samples=tuple(replace(sample, sex=sex) for sample in one.samples))
    assert check_sex(one, np.full(2, 0.7))[0].verdict == verdict


def test_mutations_on_y_of_a_female():
    one = patient(reads(np.full((6, 1), 0.3)), 120, ("colon",), chroms=("Y",) * 3 + ("1",) * 3)
    one = one.with_changes(samples=tuple(replace(sample, sex="female") for sample in one.samples))
    assert check_sex(one, np.full(1, 0.7))[0].verdict == "warning"


def test_places_beyond_the_segments_and_two_spellings():
    chroms, positions = ("chr21", "chr21"), np.array([1_000_000, 48_000_000])
    one = patient(reads(np.full((2, 1), 0.3)), 120, ("colon",), chroms=chroms, positions=positions)
    (finding,) = check_genome(one)
    assert finding.verdict == "pass" and "another genome" in finding.figure
    segments = read_segments_until(46_709_983)
    assert check_genome(one.with_changes(segments=segments))[0].verdict == "warning"
    mixed = patient(reads(np.full((2, 1), 0.3)), 120, ("colon",), chroms=("chr1", "1"), positions=np.array([5, 9]))
    assert check_genome(mixed)[0].verdict == "warning"
    assert check_genome(patient(reads(np.full((2, 1), 0.3)), 120, ("colon",)))[0].verdict == "untested"


def read_segments_until(end):
    from phylometa.model.patient import CopyNumberProfile

    return CopyNumberProfile(("colon_0",), [0], ("chr21",), [0], [end], [1.0], [1.0])


def test_filters_cells_and_power():
    one = patient(reads(CLEAN), 120, SIX)
    assert check_filters(one)[0].verdict == "untested"
    for tool, verdict in ("FilterMutectCalls", "warning"), ("", "pass"):
        noted = one.with_changes(provenance=({"file": "a.vcf", "missing_filter": tool},))
        assert check_filters(noted)[0].verdict == verdict
    observed = np.ones((76, 6), dtype=bool)
    observed[:30, 2] = False
    holes = patient(np.where(observed, reads(CLEAN), 0), np.where(observed, 120, 0), SIX)
    assert [f.samples for f in check_uncalled(holes)] == [("liver_2",)]
    assert check_uncalled(one)[0].verdict == "pass"
    power = check_power(one, np.full(6, 0.7))
    assert len(power) == 6 and {f.verdict for f in power} == {"pass"} and "CCF of 0.10" in power[0].figure
    shallow = patient(reads(CLEAN, depth=12), 12, SIX)
    assert {f.verdict for f in check_power(shallow, np.full(6, 0.2))} == {"warning"}


DATA = os.environ.get("PHYLOMETA_DATA")


@pytest.mark.system
@pytest.mark.skipif(not DATA, reason="PHYLOMETA_DATA is not set")
@pytest.mark.parametrize(
    ("case", "check", "samples"),
    [
        ("field_cases/clean", None, set()),
        ("corrupted/correct", None, set()),
        ("field_cases/purity_understated", "purity", {"P1", "P2", "LN", "M1"}),
        ("field_cases/dup_primary_as_met", "identical_samples mutations", {"P1", "M1"}),  # 19 that reads show
        ("corrupted/purity_plus", "purity", {"primary_1", "primary_2", "lung_1", "lung_2", "brain_1", "brain_2"}),
        ("corrupted/mislabelled", "mislabelled_samples", {"primary_1"}),
        ("corrupted/contamination", "contamination", {"primary_1", "lung_2", "brain_1"}),
        ("field_cases/maleX_11", None, set()),
    ],
)
def test_cases_of_the_field(case, check, samples):
    one = read_patient(Path(DATA) / case / "samples.tsv")
    report = check_quality(one, infer_purity(one, settings=CcfSettings()))
    alarms = [f for f in report.findings if f.verdict in ("warning", "failed")]
    assert {f.check for f in alarms} == set((check or "").split())
    assert {name for f in alarms for name in f.samples} == samples
    if case.endswith("maleX_11"):
        assert any("copy number of X" in text and "1+0" in text for text in one.warnings)
    if check == "identical_samples":
        assert "liver" in report.failed_sites and "failed_check" in report.strata


@pytest.mark.slow
def test_few_false_alarms_on_clean_patients():
    """Fewer than 5 % of 60 patients in whom nothing is wrong have any alarm."""
    import zlib

    from phylometa.simulate import PRESETS, simulate_patient

    designs = ("cascade", "random", "exome", "panel", "no_primary", "low_purity")
    alarmed = 0
    for name in designs:
        for k in range(10):
            rng = np.random.default_rng([517, k, zlib.crc32(name.encode())])
            one = simulate_patient(PRESETS[name], rng=rng).patient
            alarmed += bool(check_quality(one, infer_purity(one, settings=CcfSettings())).warnings)
    assert alarmed < 3
