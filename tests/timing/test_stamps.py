"""Treatments as time stamps: channels, tables of signatures, mixture fits, and stamps of a patient's clones."""

from __future__ import annotations

import dataclasses
import datetime
import math

import numpy as np
import pytest
from test_timing import build

from phylometa.config import TimingSettings
from phylometa.errors import InputError
from phylometa.model.patient import Treatment
from phylometa.reference.signatures import channel_of, read_signatures, therapies_of
from phylometa.timing.infer import date_dissemination
from phylometa.timing.stamps import branch_stamps, exposure_evidence, fit_mixture

CHANNELS = [f"{a}[{r}>{b}]{c}" for r in "CT" for b in "ACGT" if b != r for a in "ACGT" for c in "ACGT"]


def write_table(path, rng):
    """SBS1 (C>T at CpG only), a broad SBS5, and a platinum signature apart from both."""
    cpg = np.array([c[2:5] == "C>T" and c[-1] == "G" for c in CHANNELS], dtype=float)
    platinum = np.array([c[2:5] == "C>A" and c[-1] == "C" for c in CHANNELS], dtype=float)
    columns = {"SBS1": cpg, "SBS5": rng.dirichlet(np.ones(96)), "SBS31": platinum}
    lines = ["\t".join(["Type", *columns])]
    for i, channel in enumerate(CHANNELS):
        lines.append("\t".join([channel, *(f"{v[i] / v.sum():.8g}" for v in columns.values())]))
    path.write_text("\n".join([*lines, "1:Del:C:0\t0\t0\t0"]) + "\n")
    return path


def test_channels_and_words():
    assert len(set(CHANNELS)) == 96
    assert channel_of("A", "G", "TAC") == "G[T>C]A"
    assert channel_of("CC", "AA", "") == channel_of("GG", "TT", "") == "CC>AA"
    assert channel_of("C", "T", "") == "" and channel_of("C", "T", "AAA") == ""
    assert channel_of("CA", "C", "") == channel_of("A", "-", "") == "1:DEL:T" and channel_of("CGG", "C", "") == "2:DEL"
    assert channel_of("CGGATTA", "C", "") == "5:DEL" and channel_of("C", "CA", "") == channel_of("CGG", "A", "") == ""
    assert therapies_of("Cisplatin and etoposide") == ("platinum",)
    assert therapies_of("surgery") == () and therapies_of("Radiotherapy") == ("radiation",)


def test_the_table_is_read_and_its_errors_are_named(tmp_path):
    table = read_signatures(write_table(tmp_path / "ok.tsv", np.random.default_rng(1)))
    assert table.names == ("SBS1", "SBS5", "SBS31") and len(table.channels) == 96
    assert table.values.sum(axis=0) == pytest.approx(1)
    bad = tmp_path / "bad.tsv"
    bad.write_text("Type\tSBS1\nA[C>A]A\t-1\nA[C>A]A\t0.5\n")
    with pytest.raises(InputError, match="no share") as caught:
        read_signatures(bad)
    assert "given twice" in str(caught.value)
    bad.write_text("Type\tSBS1\nx\t1\n")
    with pytest.raises(InputError, match="no channel"):
        read_signatures(bad)
    with pytest.raises(InputError, match="cannot be read"):
        read_signatures(tmp_path / "none.tsv")


def test_rows_of_deletions_are_summed_over_their_repeats(tmp_path):
    path = tmp_path / "table.tsv"
    rows = ["Type\tSBS1\tID1\tID8", "A[C>T]G\t1\t0\t0", "1:Del:T:0\t0\t0.1\t0.1", "1:Del:T:5\t0\t0.9\t0"]
    rows += ["5:Del:R:0\t0\t0\t0.6", "5:Del:M:1\t0\t0\t0.3", "1:Ins:T:5\t0\t0\t0", "3:Del:R:0\t0\t0\t0"]
    path.write_text("\n".join(rows) + "\n")
    table = read_signatures(path)
    assert table.channels == ("A[C>T]G", "1:DEL:T", "5:DEL")
    assert table.values[:, table.names.index("ID8")] == pytest.approx([0, 0.1, 0.9])
    path.write_text("\n".join([*rows, "5:Del:R:0\t0\t0\t0.6"]) + "\n")
    with pytest.raises(InputError, match="given twice"):
        read_signatures(path)


@pytest.mark.parametrize(("n_own", "is_told"), [(40, True), (0, False)])
def test_radiation_is_told_by_deletions_beyond_those_of_the_trunk(tmp_path, n_own, is_told):
    """One mutation in twenty of every clone is a deletion; clone 3 has `n_own` more, of 5 bp or longer."""
    patient, ccf, clusters, *_ = build(sizes=(800, 150, 160, 210))
    refs, alts, contexts = (
        list(x) for x in (patient.mutations.refs, patient.mutations.alts, patient.mutations.contexts)
    )
    extra = np.flatnonzero(clusters.labels == 2)[:n_own].tolist()
    for i in [*range(0, len(refs), 20), *extra]:
        refs[i], alts[i], contexts[i] = ("ACCTGATT" if i in extra or i % 60 == 0 else "AC"), "A", ""
    mutations = dataclasses.replace(patient.mutations, refs=refs, alts=alts, contexts=contexts)
    course = Treatment("radiotherapy", "colon", datetime.date(2014, 6, 1))
    patient = patient.with_changes(mutations=mutations, treatments=(course,))
    cpg = [f"{c}\t{0.25 if c[2:5] == 'C>T' and c[-1] == 'G' else 0}\t0\t0" for c in CHANNELS]
    path = tmp_path / "table.tsv"
    path.write_text("\n".join(["Type\tSBS1\tID1\tID8", *cpg, "1:Del:C:0\t0\t1\t0.1", "5:Del:R:0\t0\t0\t0.9"]) + "\n")
    stamps, rows, refusals = branch_stamps(patient, clusters, read_signatures(path))
    told = {row.clone: row.p_exposed for row in rows}
    assert refusals == [] and set(told) == {"2", "3", "4"} and {row.therapy for row in rows} == {"radiation"}
    assert (told["3"] > 0.99) is is_told and max(told["2"], told["4"]) < 0.5
    assert {stamp.clone for stamp in stamps} == {1, 2, 3}
    plain = patient.with_changes(mutations=dataclasses.replace(patient.mutations, refs=("C",) * len(refs),
                                 alts=("T",) * len(refs), contexts=("ACG",) * len(refs)))  # fmt: skip
    assert branch_stamps(plain, clusters, read_signatures(path))[2] == [
        "no stamp of radiation: no small deletion was called"
    ]


def test_the_share_is_told_as_exactly_as_many_mutations_can():
    """An interval ends between the shares at which the profile is computed: they lie 15 % apart."""
    rng = np.random.default_rng(3)
    background, therapy = rng.dirichlet(np.ones(96), size=2).T, rng.dirichlet(np.full(96, 0.1))
    inside = []
    for share in np.linspace(0.2, 0.5, 40):
        mixture = (1 - share) * background.mean(axis=1) + share * therapy
        _, found = exposure_evidence(rng.multinomial(4000, mixture).astype(float), background, therapy)
        assert found.hi - found.lo < 0.06
        inside.append(found.lo <= share <= found.hi)
    assert np.mean(inside) >= 0.85


def test_a_mixture_is_recovered():
    signatures = np.array([[0.7, 0.1], [0.2, 0.3], [0.1, 0.6]])
    assert fit_mixture(signatures @ [300.0, 100.0], signatures, iterations=500) == pytest.approx([0.75, 0.25], abs=1e-3)


@pytest.mark.parametrize(("n_own", "low", "high"), [(0, -math.inf, 0.0), (60, 10.0, math.inf)])
def test_the_evidence_follows_the_process(n_own, low, high):
    rng = np.random.default_rng(2)
    background, therapy = rng.dirichlet(np.ones(96), size=3).T, rng.dirichlet(np.full(96, 0.2))
    counts = rng.multinomial(400, background.mean(axis=1)) + rng.multinomial(n_own, therapy)
    log_factor, share = exposure_evidence(counts.astype(float), background, therapy)
    assert low < log_factor < high
    if n_own:
        assert share.lo < 60 / 460 < share.hi


def test_platinum_on_the_metastasis_moves_its_founder_behind_the_course(tmp_path):
    """Clone 3, the metastasis' founder, carries platinum mutations; the course began at 59."""
    patient, ccf, clusters, trees, histories = build(sizes=(800, 150, 60, 210))
    refs, alts, contexts = (
        list(x) for x in (patient.mutations.refs, patient.mutations.alts, patient.mutations.contexts)
    )
    for i in np.flatnonzero(clusters.labels == 2)[:40]:
        refs[i], alts[i], contexts[i] = "C", "A", "ACC"
    mutations = type(patient.mutations)(
        ids=patient.mutations.ids, sample_names=patient.mutations.sample_names,
        alt_counts=patient.mutations.alt_counts, depth=patient.mutations.depth,
        refs=refs, alts=alts, contexts=contexts,
    )  # fmt: skip
    course = Treatment("carboplatin", "", datetime.date(2014, 6, 1))
    patient = patient.with_changes(mutations=mutations, treatments=(course,))
    table = write_table(tmp_path / "signatures.tsv", np.random.default_rng(1))
    stamps, rows, refusals = branch_stamps(patient, clusters, read_signatures(table))
    assert refusals == [] and [row.clone for row in rows] == ["1", "2", "3", "4"]
    told = {row.clone: row.p_exposed for row in rows}
    assert told["3"] > 0.99 and max(told["1"], told["2"], told["4"]) < 0.5
    assert {stamp.clone: stamp.log_odds > 3 for stamp in stamps} == {0: False, 1: False, 2: True, 3: False}
    settings = TimingSettings(draws=800, clock="snv", signatures=str(table))
    rest = (ccf, clusters, trees, histories)
    stamped = date_dissemination(patient, *rest, settings=settings, rng=np.random.default_rng(1))
    plain = TimingSettings(draws=800, clock="snv")
    without = date_dissemination(patient, *rest, settings=plain, rng=np.random.default_rng(1))
    founders = [next(x for x in r.intervals if x.model == "clock").founder for r in (stamped, without)]
    assert founders[0].lo > 58.9 and founders[1].lo < 58.0
    assert stamped.stamps == rows and without.stamps == ()
    words = patient.with_changes(treatments=(Treatment("systemic", "", datetime.date(2014, 6, 1)),))
    assert "names a drug" in branch_stamps(words, clusters, read_signatures(table))[2][0]
