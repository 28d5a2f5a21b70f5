"""Simulated patients as files: what is written is what the readers of the package read."""

import gzip
import json
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from simulated_patients import assert_same

from phylometa.io.simulated import write_simulated_cohort, write_simulated_patient
from phylometa.io.tables import read_cohort, read_patient
from phylometa.pipeline.stages import analyse, stage_rng
from phylometa.simulate import PRESETS, simulate_patient, true_labels

SMALL = {"mutation_rate": 0.0003}
DEMO_SEED = 2014


def simulate(name, seed=1, **changes):
    return simulate_patient(replace(PRESETS[name], **changes), rng=np.random.default_rng(seed))


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "genome"])
def test_every_preset_is_read_back(name, tmp_path):
    simulated = simulate(name, mutation_rate=PRESETS[name].mutation_rate / 10)
    sheet = write_simulated_patient(simulated, tmp_path / "out")
    treatments = sheet.parent / "treatments.tsv"
    read = read_patient(sheet, genes=sheet.parent / "genes.txt", treatments=treatments if treatments.exists() else None)
    assert_same(simulated.patient, read)


def test_a_cohort_has_one_sheet(tmp_path):
    patients = [simulate("local_recurrence", seed, patient=f"P{seed}", **SMALL) for seed in (1, 2)]
    sheet = write_simulated_cohort(iter(patients), tmp_path)
    assert sheet == tmp_path / "samples.tsv"
    read = list(read_cohort(sheet, treatments=tmp_path / "treatments.tsv", genes=tmp_path / "genes.txt"))
    assert [patient.name for patient in read] == ["P1", "P2"]
    for simulated, patient in zip(patients, read):
        assert_same(simulated.patient, patient)


@pytest.mark.parametrize("name", ["demo", "contaminated"])
def test_same_seed_same_bytes(name, tmp_path):
    for run in ("a", "b"):
        write_simulated_patient(simulate(name, **SMALL), tmp_path / run)
    first = {path.name: path.read_bytes() for path in sorted((tmp_path / "a").iterdir())}
    assert first == {path.name: path.read_bytes() for path in sorted((tmp_path / "b").iterdir())}
    assert "tumour.vcf.gz" in first and "truth.json" in first


def test_truth_on_disk(tmp_path):
    simulated = simulate("self_seeding", seed=3, **SMALL)
    write_simulated_patient(simulated, tmp_path)
    truth = json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))
    assert truth["labels"] == true_labels(simulated)
    assert truth["labels"]["reseeding_primary"] == "True" and truth["counts"]["pattern"] == "R"
    moves = [(edge["source"], edge["site"]) for edge in truth["history"] if edge["source"] != edge["site"]]
    assert len(moves) == truth["counts"]["migrations"] and ("metastasis_1", "primary") in moves
    for edge in truth["history"]:
        assert (edge["seeding_age"] is None) == (edge["source"] == edge["site"])
    for sample in truth["samples"]:
        assert sum(truth["proportions"][clone][sample] for clone in truth["clones"]) == pytest.approx(1, abs=1e-5)
    table = simulated.patient.mutations
    assert truth["mutations"]["mutation_id"] == list(table.ids)
    assert sum(truth["n_called"].values()) == table.n_mutations
    first = truth["mutations"]["clone"][0]
    assert truth["mutations"]["multiplicity"][first][0] == simulated.truth.multiplicity[0, simulated.truth.clone[0]]


def test_battenbergs_baf_and_log_ratio(tmp_path):
    """Expected values of a segment: purity x copies, against the mean of the sample."""
    simulated = simulate("random", seed=2, trunk_cn_events=10.0, min_purity=0.6, max_purity=0.6, **SMALL)
    write_simulated_patient(simulated, tmp_path)
    sample = simulated.patient.samples[0]
    rows = (tmp_path / f"{sample.name}_subclones.txt").read_text(encoding="utf-8").splitlines()
    names = rows[0].split("\t")
    clonal = [dict(zip(names, row.split("\t"))) for row in rows[1:] if row.endswith("NA")]
    assert clonal
    for row in clonal:
        major, total = float(row["nMaj1_A"]), float(row["ntot"])
        assert total == major + float(row["nMin1_A"])
        assert float(row["BAF"]) == pytest.approx((0.6 * major + 0.4) / (0.6 * total + 0.8), abs=1e-4)
        expected = np.log2((0.6 * total + 0.8) / (0.6 * sample.ploidy + 0.8))
        assert float(row["LogR"]) == pytest.approx(expected, abs=1e-4)


def test_the_bundled_patient_is_what_the_script_makes(tmp_path):
    """Text of every file (compressed bytes may differ between versions of the compression library)."""
    simulated = simulate_patient(PRESETS["demo"], rng=stage_rng(DEMO_SEED, "simulate"))
    write_simulated_patient(simulated, tmp_path)
    bundled = Path(str(resources.files("phylometa"))) / "demo_patient"
    for name in ("samples.tsv", "segments.tsv", "treatments.tsv", "genes.txt", "truth.json", "true_labels.json"):
        assert (tmp_path / name).read_text(encoding="utf-8") == (bundled / name).read_text(encoding="utf-8"), name
    made, shipped = (gzip.decompress((folder / "tumour.vcf.gz").read_bytes()) for folder in (tmp_path, bundled))
    assert made == shipped
    assert sum(path.stat().st_size for path in bundled.iterdir()) < 1.5e6
    assert f"seed {DEMO_SEED}" in (bundled / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PRESETS if name != "genome" and not name.startswith("real_")])
def test_every_preset_is_analysed_from_its_files(name, tmp_path):
    """Every stage gives a result, and the clusters are the clones as far as a preset lets them be told apart."""
    simulated = simulate(name, mutation_rate=PRESETS[name].mutation_rate / 3)
    write_simulated_patient(simulated, tmp_path)
    result = analyse(read_patient(tmp_path / "samples.tsv", genes=tmp_path / "genes.txt"), seed=1)
    assert sum(history.weight for _, history in result.histories) == pytest.approx(1)
    assert set(result.labels.headline) >= {"pattern", "clonality_site", "phyletic"}
    assert result.timing is not None
    clone, cluster = simulated.truth.clone, result.clusters.labels
    i, j = np.triu_indices(len(clone), 1)
    same_clone, same_cluster = clone[i] == clone[j], cluster[i] == cluster[j]
    agreement = (same_clone == same_cluster).mean()
    chance = same_clone.mean() * same_cluster.mean() + (1 - same_clone.mean()) * (1 - same_cluster.mean())
    least = 0.1 if name == "called_apart" else 0.3  # with half of the cells unobserved clusters merge
    assert (agreement - chance) / (1 - chance) > least


@pytest.mark.slow
def test_the_genome_preset_is_read_back(tmp_path):
    simulated = simulate("genome")
    assert simulated.patient.mutations.n_mutations > 50000 and len(simulated.patient.samples) == 20
    sheet = write_simulated_patient(simulated, tmp_path)
    assert_same(simulated.patient, read_patient(sheet, genes=tmp_path / "genes.txt"))
