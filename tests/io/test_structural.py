"""Structural variants: counts of callers' dialects, one mutation per junction, copies unknown, routes they mark."""

import json

import numpy as np
import pytest
from io_files import write_vcf
from small_patients import TINY, no_page
from structural_patients import as_structural, marked_mutations

from phylometa.cli import _invoke
from phylometa.errors import InputError
from phylometa.io.tables import read_patient
from phylometa.io.tsv import read_tsv
from phylometa.io.variants import read_vcf
from phylometa.io.vcf_header import SampleRequest
from phylometa.reference.structural import is_structural

TWO = [SampleRequest("S1", ("S1",)), SampleRequest("S2", ("S2",))]


def read(folder, *records, samples=("S1", "S2")):
    return read_vcf(write_vcf(folder / "sv.vcf", list(records), samples=samples), TWO)


def counts(calls):
    return {name: list(zip(calls.alt[i].tolist(), calls.depth[i].tolist())) for i, name in enumerate(calls.ids)}


def test_manta_counts_pairs_and_split_reads(tmp_path):
    calls = read(
        tmp_path,
        "chr1 100 MantaDEL:1 N <DEL> . PASS SVTYPE=DEL;END=5000;SVLEN=-4900 PR:SR 30,12:41,9 50,0:60,1",
        "chr1 900 MantaDUP:1 N <DUP:TANDEM> . PASS SVTYPE=DUP;END=2900;IMPRECISE PR 20,5 25,0",
        "chr2 50 MantaINV:1 N <INV> . PASS SVTYPE=INV;END=90 PR:SR .:. 7,3:1,1",
    )
    assert counts(calls) == {
        "chr1:100:N:<DEL:5000>": [(21, 92), (1, 111)],
        "chr1:900:N:<DUP:TANDEM:2900>": [(5, 25), (0, 25)],
        "chr2:50:N:<INV:90>": [(0, 0), (4, 12)],
    }
    assert calls.provenance["rules"] == {"Manta PR:SR": 5}


def test_delly_counts_pairs_or_junction_reads(tmp_path):
    calls = read(
        tmp_path,
        "1 100 DEL01 A <DEL> . PASS PRECISE;SVTYPE=DEL;END=5000 GT:DR:DV:RR:RV 0/1:10,:1:1:1 0/0:9:2:31:4"
        .replace("10,", "10"),
        "1 300 DUP01 A <DUP> . PASS IMPRECISE;SVTYPE=DUP;END=9000 GT:DR:DV:RR:RV 0/1:20:6:0:0 0/0:18:0:0:0",
        "1 700 BND01 A A]3:4000] . PASS PRECISE;SVTYPE=BND;CHR2=3;POS2=4000 GT:DR:DV:RR:RV 0/1:1:1:40:8 0/0:1:1:44:0",
        "2 800 TRA01 A <TRA> . PASS IMPRECISE;SVTYPE=TRA;CHR2=5;END=123 GT:DR:DV:RR:RV 0/1:11:3:0:0 0/0:12:0:0:0",
    )  # fmt: skip
    assert counts(calls) == {
        "1:100:A:<DEL:5000>": [(1, 2), (4, 35)],
        "1:300:A:<DUP:9000>": [(6, 26), (0, 18)],
        "1:700:A:A]3:4000]": [(8, 48), (0, 44)],
        "2:800:A:<TRA:5:123>": [(3, 14), (0, 12)],
    }


def test_gridss_counts_fragments_and_pairs_of_long_events_only(tmp_path):
    calls = read(
        tmp_path,
        "1 100 g1o T T[1:400[ . PASS SVTYPE=BND;MATEID=g1h GT:REF:REFPAIR:VF .:40:22:10 .:50:25:0",
        "1 400 g1h T ]1:100]T . PASS SVTYPE=BND;MATEID=g1o GT:REF:REFPAIR:VF .:44:22:10 .:50:25:0",
        "1 900 g2o T T[7:400[ . PASS SVTYPE=BND;MATEID=g2h GT:REF:REFPAIR:VF .:40:22:10 .:50:25:0",
        "7 400 g2h T ]1:900]T . PASS SVTYPE=BND;MATEID=g2o GT:REF:REFPAIR:VF .:1:1:10 .:50:25:0",
    )
    assert counts(calls) == {"1:100:T:T[1:400[": [(10, 50), (0, 50)], "1:900:T:T[7:400[": [(10, 72), (0, 75)]}
    assert calls.dropped.reasons == ["mate of the breakend at 1:100", "mate of the breakend at 1:900"]


def test_mates_are_found_without_identifiers(tmp_path):
    calls = read(
        tmp_path,
        "1 900 . T T[7:400[ . PASS SVTYPE=BND PR 40,10 50,0",
        "1 950 . T T[7:500[ . PASS SVTYPE=BND PR 40,8 50,0",
        "7 400 . T ]1:900]T . PASS SVTYPE=BND PR 44,10 50,0",
    )
    assert calls.ids == ["1:900:T:T[7:400[", "1:950:T:T[7:500["]


def test_other_counts_and_alleles_in_bases(tmp_path):
    calls = read(
        tmp_path,
        "1 100 . T <DEL> . PASS SVTYPE=DEL;END=400 GT:AD .:40,10 .:50,0",
        "1 500 . TACG T . PASS SVTYPE=DEL;END=503 PR:SR 10,4:20,6 30,0:30,0",
        "1 900 . T <DEL> . PASS SVTYPE=DEL;END=990 GT .  .",
    )
    assert counts(calls) == {"1:100:T:<DEL:400>": [(10, 50), (0, 50)], "1:500:TACG:T": [(10, 40), (0, 60)]}
    assert calls.dropped.reasons == ["no read counts in FORMAT GT"]


@pytest.mark.parametrize("cell", ["30:41,9", "30,x:41,9", "30,1,1:41,9"])
def test_counts_that_are_none_are_refused(tmp_path, cell):
    with pytest.raises(InputError, match="column S1"):
        read(tmp_path, f"chr1 100 . N <DEL> . PASS SVTYPE=DEL;END=5000 PR:SR {cell} 50,0:60,1")


@pytest.mark.parametrize("dialect", ["manta", "delly"])
def test_reads_of_a_patient_come_back_from_either_dialect(tmp_path, dialect):
    options = [text for pair in (*TINY, "patient=V", "distant_sites=1") for text in ("--set", pair)]
    assert _invoke(["simulate", "-o", str(tmp_path), "--seed", "4", *options]) == 0
    written = as_structural(tmp_path, marked_mutations(json.loads((tmp_path / "truth.json").read_text())), dialect)
    table = read_patient(tmp_path / "samples.tsv").mutations
    rows = [i for i, alt in enumerate(table.alts) if is_structural(alt)]
    found = [list(zip(table.alt_counts[i].tolist(), table.depth[i].tolist())) for i in rows]
    assert sorted(found) == sorted([reads[name] for name in table.sample_names] for reads in written)
    assert len(rows) > 10


@pytest.mark.system
def test_routes_that_only_structural_variants_mark(tmp_path):
    settings = [*TINY, "pattern=cascade", "distant_sites=2", "primary_regions=2", "patient=V", "metastasis_clones=1"]
    settings += ["mutation_rate=0.00025"]
    options = [text for pair in settings for text in ("--set", pair)]
    assert _invoke(["simulate", "-o", str(tmp_path / "in"), "--seed", "4", *options]) == 0
    truth = json.loads((tmp_path / "in" / "truth.json").read_text())
    n = len(as_structural(tmp_path / "in", marked_mutations(truth)))
    assert n > 10
    sheet = tmp_path / "in" / "samples.tsv"
    patient = read_patient(sheet)
    rows = [i for i, alt in enumerate(patient.mutations.alts) if is_structural(alt)]
    assert len(rows) == n and not np.isfinite(patient.copy_number.total[rows]).any()
    without = tmp_path / "in" / "without.tsv"
    without.write_text(sheet.read_text().replace(";sv.vcf", ""))
    longer = tmp_path / "longer.toml"  # the answer itself is tested
    chains = "chains = 2\nsweeps = 20\nrounds = 4\nmax_scenarios = 100\njoint_moves = 10000\njoint_chains = 2\n"
    longer.write_text(f"[trees]\n{chains}joint_draws = 100\n[timing]\ndraws = 100\n")
    probability = {}
    for name, path in (("with", sheet), ("without", without)):
        with no_page():
            assert _invoke(["run", str(path), "-o", str(tmp_path / name), "--no-plots", "--config", str(longer)]) == 0
        summary = json.loads((tmp_path / name / "V" / "summary.json").read_text())
        probability[name] = {(s, t): p for s, t, p in summary["migration_graph"]}
    true = {(e["source"], e["site"]) for e in truth["history"] if e["source"] != e["site"]}
    assert true == {("primary", "metastasis_1"), ("metastasis_1", "metastasis_2")}
    assert all(probability["with"].get(route, 0.0) > 0.9 for route in true)
    assert probability["without"].get(("metastasis_1", "metastasis_2"), 0.0) < 0.5
    rows = list(read_tsv(tmp_path / "with" / "V" / "input" / "counts.tsv"))
    assert sum(is_structural(row["alt"]) for row in rows if row["sample_id"] == patient.samples[0].name) == n
