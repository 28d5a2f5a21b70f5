"""What reality does to a simulated patient: each effect against its expectation, and nothing else of the patient moves.

Moment tests allow a false-alarm rate of 1e-6 (|z| < 4.9).
"""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from simulated_patients import assert_same

from phylometa.errors import InputError
from phylometa.io.simulated import write_simulated_patient
from phylometa.io.tables import read_patient
from phylometa.reference.setting_rules import rules_of
from phylometa.simulate import PATTERNS, PRESETS, SimulationSettings, lose_populations, simulate_patient
from phylometa.simulate.foreign import SUBSTITUTIONS_OF_DAMAGE, Damage
from phylometa.simulate.labels import true_labels_document, truth_document
from phylometa.simulate.patterns import GROWN, draw_plan
from phylometa.simulate.sweeps import shrink_swept, sweep_populations

LIMIT = 4.9


def simulate(seed=1, **changes):
    chosen = {"mutation_rate": 0.0006, **changes}
    return simulate_patient(SimulationSettings(**chosen), rng=np.random.default_rng(seed))


def rows_of(simulated, *causes):
    return np.flatnonzero(np.isin(np.array(simulated.truth.causes), causes))


def reads_of(simulated):
    """Mutation -> its reads, of the mutations of the clone tree."""
    table = simulated.patient.mutations
    return {table.ids[i]: (table.alt_counts[i].tolist(), table.depth[i].tolist()) for i in rows_of(simulated, "clone")}


# --- one effect leaves the rest of the patient as it was --------------------------------------------------------------


def normal_reads(simulated):
    """Alternate reads and depth (n,) of the matched normal."""
    table = simulated.patient.mutations
    return table.normal_alt[:, 0], table.normal_depth[:, 0]


@pytest.mark.parametrize(
    "changes",
    [
        {"artefact_share": 0.1},
        {"scattered_share": 0.1},
        {"germline_share": 0.1},
        {"tail_mutations": 20.0},
        {"ffpe_samples": 1.0, "damage_error": 0.0},
        {"purity_bias": 0.1, "purity_sd": 0.02},
        {"mislabelled": 1},
        {"hidden_loh": 1.0},
        {"state_purity": False, "state_copy_number": False},
        {"normal_sample": True},
    ],
)
def test_an_effect_leaves_the_reads_of_the_clones_as_they_were(changes):
    plain, changed = simulate(), simulate(**changes)
    assert reads_of(plain) == reads_of(changed)
    assert (plain.truth.proportions == changed.truth.proportions).all()
    assert plain.truth.history.edges.tolist() == changed.truth.history.edges.tolist()


# --- loci that are no mutation of the tree ----------------------------------------------------------------------------


def test_recurrent_artefacts_have_one_vaf_in_every_sample_and_in_the_normal():
    simulated = simulate(artefact_share=0.5, depth=400.0, normal_depth=1.0, precision=math.inf)
    rows = rows_of(simulated, "recurrent")
    n_clones = len(rows_of(simulated, "clone"))
    assert len(rows) == round(0.5 * n_clones)  # at 400x all of them are called
    table = simulated.patient.mutations
    vaf = np.column_stack([table.alt_counts[rows], normal_reads(simulated)[0][rows]]) / np.column_stack(
        [table.depth[rows], normal_reads(simulated)[1][rows]]
    )
    truth = simulated.truth.expected_vaf[rows, :1]
    assert (truth >= 0.03).all() and (truth <= 0.2).all()
    error = truth * (1 - 0.001) + (1 - truth) * 0.001
    depth = np.column_stack([table.depth[rows], normal_reads(simulated)[1][rows]])
    z = (vaf - error) / np.sqrt(error * (1 - error) / depth)
    assert abs(z.sum()) / math.sqrt(z.size) < LIMIT
    assert abs((z**2).sum() - z.size) / math.sqrt(2.2 * z.size) < LIMIT


def test_scattered_artefacts_are_not_in_the_normal_and_not_in_every_sample():
    simulated = simulate(scattered_share=1.0, error_rate=0.0, depth=400.0)
    rows = rows_of(simulated, "scattered")
    assert (normal_reads(simulated)[0][rows] == 0).all()
    n_samples = simulated.truth.expected_vaf.shape[1]
    n_in = (simulated.truth.expected_vaf[rows] > 0).sum(axis=1)
    mean = 1 + 0.2 * (n_samples - 1)
    assert abs(n_in.sum() - len(rows) * mean) / math.sqrt(len(rows) * 0.16 * (n_samples - 1)) < LIMIT


@pytest.mark.parametrize(("kind", "setting"), [("ffpe", "ffpe_samples"), ("oxidation", "oxidised_samples")])
def test_damage_has_its_substitutions_and_its_samples(kind, setting):
    simulated = simulate(**{setting: 0.5}, damage_artefacts=300.0, damage_vaf=0.1, error_rate=0.0, damage_error=0.0)
    rows = rows_of(simulated, kind)
    table = simulated.patient.mutations
    pairs = {(table.refs[i], table.alts[i]) for i in rows}
    assert pairs == set(SUBSTITUTIONS_OF_DAMAGE[kind])
    assert all(table.contexts[i][1] == table.refs[i] for i in rows)
    vaf = simulated.truth.expected_vaf[rows]
    damaged = vaf.any(axis=0)
    assert 0 < damaged.sum() < len(damaged)
    n_in = (vaf > 0).sum(axis=1)
    assert set(n_in.tolist()) <= {1, int(damaged.sum())}
    assert (normal_reads(simulated)[0][rows] == 0).all()


def test_damage_raises_the_error_of_its_substitutions_in_damaged_samples_only():
    settings = SimulationSettings(damage_error=0.02)
    damage = Damage({"ffpe": np.array([True, False]), "oxidation": np.array([False, True])})
    rates = damage.error_rates(("C", "G", "G", "A", "CT"), ("T", "A", "T", "C", "C"), settings)
    assert rates.tolist() == [[0.02, 0.001], [0.02, 0.001], [0.001, 0.02], [0.001, 0.001], [0.001, 0.001]]
    assert Damage({"ffpe": np.zeros(2, dtype=bool)}).error_rates(("C",), ("T",), settings) == 0.001


def test_tails_follow_the_power_law_within_their_clone_and_stay_in_one_region():
    low, high = 0.1, 0.5
    simulated = simulate(
        tail_mutations=400.0,
        tail_min_ccf=low,
        tail_max_ccf=high,
        depth=2000.0,
        trunk_cn_events=0.0,
        branch_cn_events=0.0,
        primary_clones=1,
        pattern="monoclonal",
        metastasis_clones=0,
    )
    rows = rows_of(simulated, "tail")
    vaf = simulated.truth.expected_vaf[rows]
    assert ((vaf > 0).sum(axis=1) == 1).all()
    share = (2 * vaf / simulated.truth.purity).max(axis=1)  # one clone a sample, diploid: VAF = purity x CCF / 2
    # P(share <= f) = (1/low - 1/f) / (1/low - 1/high) is uniform
    u = (1 / low - 1 / share) / (1 / low - 1 / high)
    assert abs(u.mean() - 0.5) / math.sqrt(1 / 12 / len(u)) < LIMIT
    assert abs((u**2).mean() - 1 / 3) / math.sqrt(4 / 45 / len(u)) < LIMIT
    n_samples = vaf.shape[1]
    assert abs(len(rows) - 400 * n_samples) / math.sqrt(400 * n_samples) < LIMIT


def test_tails_of_a_site_are_in_its_regions_that_hold_their_clone():
    simulated = simulate(tail_mutations=60.0, tail_site_share=1.0, depth=3000.0, primary_clones=1, primary_regions=3)
    rows, truth = rows_of(simulated, "tail"), simulated.truth
    site = np.array(truth.sample_site)
    for vaf in truth.expected_vaf[rows]:
        assert len(set(site[vaf > 0])) == 1
    in_primary = truth.expected_vaf[rows][:, site == "primary"]
    assert (in_primary[in_primary.any(axis=1)] > 0).all()  # one clone in the primary: each region holds it


def test_germline_variants_follow_their_allele():
    simulated = simulate(germline_share=0.5, trunk_cn_events=20.0, normal_depth=2.0, sex="male", depth=400.0)
    rows = rows_of(simulated, "germline")
    truth, table = simulated.truth, simulated.patient.mutations
    profile, position = truth.profile, table.positions
    for i in rows:
        # copies of both alleles in every clone at the locus
        here = (
            (np.array(profile.chroms) == table.chroms[i]) & (profile.start <= position[i]) & (position[i] < profile.end)
        )
        copies = np.array([[profile.major[r], profile.minor[r]] for r in np.flatnonzero(here)])
        is_haploid = table.chroms[i] == "chrX"
        expected = []
        for allele in (0,) if is_haploid else (0, 1):
            mutated = truth.purity * (copies[:, allele] @ truth.proportions) + (1 - truth.purity)
            total = truth.purity * (copies.sum(axis=1) @ truth.proportions) + (1 - truth.purity) * (2 - is_haploid)
            expected.append(mutated / total)
        assert any(np.allclose(truth.expected_vaf[i], one) for one in expected)
    share = normal_reads(simulated)[0][rows] / normal_reads(simulated)[1][rows]
    on_x = np.array([table.chroms[i] == "chrX" for i in rows])
    assert on_x.any() and (share[on_x] > 0.9).all()
    assert abs(
        (normal_reads(simulated)[0][rows][~on_x] - normal_reads(simulated)[1][rows][~on_x] / 2).sum()
    ) < LIMIT * math.sqrt(normal_reads(simulated)[1][rows][~on_x].sum() / 4)


def test_tumour_in_the_normal_shows_the_clones_of_the_first_site():
    simulated = simulate(
        tumour_in_normal=0.2, normal_depth=5.0, trunk_cn_events=0.0, branch_cn_events=0.0, error_rate=0.0
    )
    truth = simulated.truth
    first = np.array(truth.sample_site) == truth.sample_site[0]
    ccf = truth.ccf[:, first].mean(axis=1)
    expected = 0.2 * ccf / 2 * normal_reads(simulated)[1]
    assert abs(normal_reads(simulated)[0].sum() - expected.sum()) < LIMIT * math.sqrt(expected.sum())
    assert (normal_reads(simulated)[0][ccf == 0] == 0).all()


def test_the_truth_says_the_class_of_every_mutation():
    simulated = simulate(
        artefact_share=0.1, scattered_share=0.1, germline_share=0.1, tail_mutations=20.0, ffpe_samples=1.0
    )
    document, labels = truth_document(simulated), true_labels_document(simulated)
    classes = dict(zip(document["mutations"]["mutation_id"], document["mutations"]["class"]))
    assert set(classes.values()) == {"clone", "tail", "artefact", "germline"}
    assert set(document["mutations"]["cause"]) == {"clone", "tail", "recurrent", "scattered", "ffpe", "germline"}
    of_clone = {name for name, kind in classes.items() if kind == "clone"}
    assert set(labels["clone_of"]) == of_clone
    assert labels["class_of"] == {name: kind for name, kind in classes.items() if name not in of_clone}
    assert sum(document["n_called"].values()) == len(of_clone)
    for name, clone in zip(document["mutations"]["mutation_id"], document["mutations"]["clone"]):
        assert (clone is None) == (name not in of_clone)
    keys = list(zip(simulated.patient.mutations.chroms, simulated.patient.mutations.positions.tolist()))
    assert len(set(keys)) == len(keys)
    assert np.isnan(simulated.truth.ccf[rows_of(simulated, "tail")]).all()


# --- history and samples ----------------------------------------------------------------------------------------------


def test_sweeps_leave_little_of_ancestors_that_have_an_heir():
    settings = SimulationSettings(pattern="linear", primary_clones=4, swept_share=1.0, swept_proportion=0.05)
    plan = draw_plan(settings, np.random.default_rng(1))
    swept = sweep_populations(plan, 1.0, np.random.default_rng(1))
    for i, population in enumerate(plan.populations):
        heirs = []
        for j, other in enumerate(plan.populations):
            above = other.parent
            while above >= 0 and above != i:
                above = plan.populations[above].parent
            if above == i and other.survives and other.site == population.site:
                heirs.append(j)
        assert swept[i] == (bool(heirs) and population.survives)
    simulated = simulate(pattern="linear", swept_share=1.0, swept_proportion=0.05, region_share=1.0)
    primary = simulated.truth.proportions[:, np.array(simulated.truth.sample_site) == "primary"]
    founder = primary[0]
    assert (founder > 0).all() and (founder <= 0.05).all()
    np.testing.assert_allclose(simulated.truth.proportions.sum(axis=0), 1.0)
    extinct = simulate(pattern="linear", swept_share=1.0, swept_proportion=0.0)
    assert (extinct.truth.proportions[0] == 0).all() and not extinct.truth.presence[0].any()


def test_a_sample_of_swept_clones_alone_keeps_them():
    proportions = np.array([[0.4, 1.0], [0.6, 0.0]])
    swept = np.array([[True, True], [False, False]])
    settings = SimulationSettings(swept_proportion=0.1)
    shrunk = shrink_swept(proportions, swept, settings, np.random.default_rng(1))
    assert shrunk[:, 1].tolist() == [1.0, 0.0]
    assert 0 < shrunk[0, 0] < 0.1 and shrunk[:, 0].sum() == pytest.approx(1)


def test_extinct_share_is_that_of_lose_populations():
    simulated = simulate(extinct_share=1.0, primary_clones=4)
    by_site = {}
    for clone, site in zip(*np.nonzero(simulated.truth.presence)):
        by_site.setdefault(site, set()).add(clone)
    assert all(len(clones) == 1 for clones in by_site.values())
    plan = draw_plan(SimulationSettings(), np.random.default_rng(1))
    lost = lose_populations(plan, 1.0, np.random.default_rng(1))
    for site in plan.sites:
        assert sum(p.survives for p in lost.populations if p.site == site.name) == 1


def test_doubled_sites_double_their_founders_alone():
    simulated = simulate(pattern="monoclonal", doubled_sites=1, seed=3)
    doubled = {event.clone for event in simulated.truth.copy_number_events if event.kind == "wgd"}
    assert len(doubled) == 1
    (clone,) = doubled
    home = np.flatnonzero(simulated.truth.presence[clone])
    assert len(home) == 1 and home[0] > 0
    parent = simulated.truth.tree.parents[clone]
    assert simulated.truth.presence[parent, 0] or not simulated.truth.presence[parent].any()
    assert not [e for e in simulate(pattern="monoclonal", seed=3).truth.copy_number_events if e.kind == "wgd"]


def test_only_some_samples_are_contaminated():
    clean, leaky = simulate(leakage=0.0), simulate(leakage=0.3, leaky_samples=0.4, seed=1)
    ids = sorted(set(clean.patient.mutations.ids) & set(leaky.patient.mutations.ids))
    rows = [[one.patient.mutations.ids.index(name) for name in ids] for one in (clean, leaky)]
    same = np.isclose(clean.truth.expected_vaf[rows[0]], leaky.truth.expected_vaf[rows[1]]).all(axis=0)
    assert 0 < same.sum() < len(same)


# --- what the files say -----------------------------------------------------------------------------------------------


def test_stated_purity_is_off_by_bias_and_noise():
    plain, biased = simulate(), simulate(purity_bias=-0.1)
    np.testing.assert_allclose(biased.patient.purity, plain.patient.purity - 0.1, atol=1e-9)
    assert (biased.truth.purity == plain.truth.purity).all()
    noisy = simulate(purity_sd=0.05, distant_sites=30, mutation_rate=0.0001, primary_clones=2, metastasis_clones=0)
    off = noisy.patient.purity - noisy.truth.purity
    assert abs((off**2).mean() / 0.0025 - 1) < LIMIT * math.sqrt(2 / len(off))
    assert (simulate(purity_bias=1.0).patient.purity == 1.0).all()
    assert np.isnan(simulate(state_purity=False).patient.purity).all()


def test_hidden_loh_keeps_totals_and_shows_two_alleles():
    plain, hidden = (simulate(hidden_loh=share, cn_kinds=(0.0, 0.0, 1.0), trunk_cn_events=12.0) for share in (0.0, 1.0))
    before, after = plain.patient.segments, hidden.patient.segments
    was_loh = (before.minor == 0) & (before.major >= 2)
    assert was_loh.any() and (after.minor[was_loh] == 1).all()
    assert (after.major + after.minor == before.major + before.minor).all()
    assert (after.minor[~was_loh] == before.minor[~was_loh]).all()


def test_mislabelled_samples_are_under_another_site_and_no_site_is_lost():
    for seed in range(6):
        for settings in ({"mislabelled": 1}, {"mislabelled": 2, "primary_regions": 1}):
            simulated = simulate(seed, **settings)
            stated = [sample.site for sample in simulated.patient.samples]
            n_wrong = sum(a != b for a, b in zip(stated, simulated.truth.sample_site))
            assert n_wrong >= 1 and set(stated) == set(simulated.truth.sample_site)
            assert truth_document(simulated)["sample_site"] == dict(
                zip(simulated.patient.mutations.sample_names, simulated.truth.sample_site)
            )
    assert simulate(mislabelled=1, distant_sites=0, pattern="monoclonal").patient.samples[0].site == "primary"


@pytest.mark.parametrize("elsewhere", [False, True])
def test_duplicates_are_the_reads_of_another_sample(elsewhere):
    simulated = simulate(duplicates=2, duplicates_elsewhere=elsewhere)
    plain = simulate()
    table, n = simulated.patient.mutations, len(plain.patient.samples)
    assert len(set(table.sample_names)) == n + 2
    for row in (n, n + 1):
        originals = [s for s in range(n) if (table.alt_counts[:, s] == table.alt_counts[:, row]).all()]
        assert len(originals) == 1
        assert (table.depth[:, originals[0]] == table.depth[:, row]).all()
        is_same = simulated.patient.samples[row].site == simulated.patient.samples[originals[0]].site
        assert is_same is not elsewhere
        assert simulated.truth.sample_site[row] == simulated.truth.sample_site[originals[0]]


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_sheet_row_for_the_normal_and_one_vcf_per_sample(tmp_path):
    simulated = simulate(
        normal_sample=True, separate_vcfs=True, per_sample_calls=True, state_copy_number=False, state_purity=False
    )
    sheet = write_simulated_patient(simulated, tmp_path)
    lines = [line.split("\t") for line in sheet.read_text().splitlines()]
    normal = dict(zip(lines[0], lines[-1]))
    assert normal["site_type"] == "normal" and normal["sample"] == "SIM_normal"
    names = simulated.patient.mutations.sample_names
    assert sorted(path.name for path in tmp_path.glob("*.vcf.gz")) == sorted(f"{name}.vcf.gz" for name in names)
    assert not list(tmp_path.glob("*subclones*"))
    observed = simulated.patient.mutations.observed
    assert not observed.all() and (simulated.patient.mutations.alt_counts[observed] >= 3).all()
    genes = tmp_path / "genes.txt"
    assert_same(simulated.patient, read_patient(sheet, genes=genes))
    assert json.loads((tmp_path / "true_labels.json").read_text()) == true_labels_document(simulated)


# --- settings ---------------------------------------------------------------------------------------------------------


def test_every_preset_is_of_one_settings_class():
    assert all(type(settings) is SimulationSettings for settings in PRESETS.values())
    assert set(PATTERNS) == {*GROWN, "demo"}


def test_bounds_that_cross_are_refused():
    for low, high in (("tail_min_ccf", "tail_max_ccf"), ("artefact_min_vaf", "artefact_max_vaf")):
        with pytest.raises(InputError, match=f"at most {high}"):
            simulate(**{low: 0.9, high: 0.1})


def test_the_docs_hold_every_setting_with_its_range():
    text = (Path(__file__).parents[2] / "docs/methods/simulation.md").read_text(encoding="utf-8")
    for name, rule in rules_of(SimulationSettings).items():
        if rule.kind in (int, float):
            assert f"| `{name}` | {getattr(SimulationSettings(), name):g} | {rule.limit} |" in text
    for name in (*SimulationSettings.__slots__, *PRESETS):
        assert name == "patient" or f"`{name}" in text, name
