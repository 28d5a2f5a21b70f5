"""What the copy-number stage says beside its tree: support, agreement with SNV clones, instability, parallel events."""

import json
from io import StringIO

import numpy as np
import pytest
from Bio import Phylo

from phylometa.cli import _invoke
from phylometa.config import CopyNumberSettings
from phylometa.copy_number import compare_with_clones, infer_copy_number_tree
from phylometa.copy_number.parallel_events import find_parallel_events
from phylometa.model.copy_number import CopyNumberEvent
from phylometa.model.patient import CopyNumberProfile

MB = 1_000_000


def profile(states, *, phased=True, **more):
    """sample -> copies (a, b) of 1-Mb segments, one chromosome each."""
    rows = [(s, str(c + 1), 0, MB, *pair) for s, name in enumerate(states) for c, pair in enumerate(states[name])]
    columns = list(zip(*rows))
    return CopyNumberProfile(tuple(states), *columns, is_phased=phased, **more)


def tree_of(found, **settings):
    chosen = CopyNumberSettings(**{"bootstrap": 40, **settings})
    return infer_copy_number_tree(found, settings=chosen, rng=np.random.default_rng(1))


def four():
    """(A, B) share two losses, (C, D) two gains; each sample has an event of its own but D."""
    base = {name: [(1, 1)] * 8 for name in "ABCD"}
    for name, chrom, pair in (
        *(("A", c, (0, 1)) for c in (0, 1)),
        *(("B", c, (0, 1)) for c in (0, 1)),
        *(("C", c, (2, 1)) for c in (2, 3)),
        *(("D", c, (2, 1)) for c in (2, 3)),
        *(("A", 4, (1, 2)), ("B", 5, (1, 2)), ("C", 6, (1, 2))),
    ):
        base[name][chrom] = pair
    return profile(base)


def test_agreement_with_clones_by_hand():
    found = tree_of(four(), wgd=False)
    names = ("trunk", "AB", "CD", "D only")
    presence = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1]], dtype=bool)
    same = compare_with_clones(found, names, presence, np.array([5, 4, 3, 2]), "ABCD")
    assert (same["robinson_foulds"], same["n_splits"], same["normalised"], same["conflicts"]) == (0, [2, 2], 0.0, [])
    assert {"AB", "CD", "D only"} <= {clone for clones in same["nodes"].values() for clone in clones}
    # Events above a pair's common ancestor: 2 for AB and CD, 0 else; mutations: 9, 8 and 5.
    expected = np.corrcoef([2, 0, 0, 0, 0, 2], [9, 5, 5, 5, 5, 8])[0, 1]
    assert same["cophenetic"] == pytest.approx(expected)

    presence[1] = [True, False, True, False]
    other = compare_with_clones(found, names, presence, np.array([5, 4, 3, 2]), "ABCD")
    assert other["robinson_foulds"] == 2 and other["normalised"] == 0.5
    assert {(tuple(c["samples"]), c["clone"], c["mutations"]) for c in other["conflicts"]} == {
        (("A", "B"), "AB", 4),
        (("C", "D"), "AB", 4),
    }


def test_a_branch_without_events_joins_nobody():
    states = {name: [(1, 1), (1, 1), (2, 1)] for name in "ABCDE"}
    states["E"] = [(1, 0), (1, 1), (2, 1)]
    found = tree_of(profile(states))
    assert found.tree_length == 2
    assert np.isnan(found.support).all()
    presence = np.array([[1, 1, 1, 1, 1], [1, 0, 1, 0, 1]], dtype=bool)
    agreement = compare_with_clones(found, ("trunk", "x"), presence, np.array([9, 9]), "ABCDE")
    assert agreement["n_splits"] == [0, 1] and agreement["conflicts"] == []


@pytest.mark.parametrize("method", ["bootstrap", "jackknife"])
def test_support_is_a_share_and_stands_in_the_newick(method):
    found = tree_of(four(), wgd=False, support=method, bootstrap=200)
    clades = {found.clade(v): found.support[v] for v in range(len(found.node_names)) if np.isfinite(found.support[v])}
    assert set(clades) == {frozenset("AB"), frozenset("CD")}
    # A clade is found where at least one of its two chromosomes was drawn: 1 - (6/8)^8 = .90; a clade of four leaves
    # without any is one of three by chance, and its complement of the drawn one for certain.
    low, high = (0.88, 1.0) if method == "bootstrap" else (0.85, 1.0)
    assert all(low <= share <= high for share in clades.values())
    tree = Phylo.read(StringIO(found.newick()), "newick")
    written = {
        frozenset(leaf.name for leaf in node.get_terminals()): node.confidence
        for node in tree.get_nonterminals()
        if node.confidence is not None
    }
    assert written == {clade: round(100 * share) for clade, share in clades.items()}


def test_ties_are_not_resolved_by_the_order_of_the_samples():
    # One event joins A and B; where its chromosome is not drawn, nothing does.
    states = {name: [(1, 1)] * 12 for name in "ABCDEFGH"}
    for name in "AB":
        states[name][0] = (2, 1)
    for k, name in enumerate("CDEFGH"):
        states[name][k + 1] = (2, 1)
    found = tree_of(profile(states), wgd=False, bootstrap=400)
    share = next(found.support[v] for v in range(9, len(found.parents)) if found.clade(v) == frozenset("AB"))
    assert share == pytest.approx(1 - (11 / 12) ** 12, abs=0.12)


def test_subclonal_segments_are_flagged_and_weighted_and_make_no_events():
    second = np.full(6, np.nan)
    states = {"A": [(1, 1)] * 3, "B": [(1, 1)] * 3}
    major2, minor2, fraction = second.copy(), second.copy(), np.ones(6)
    major2[1], minor2[1], fraction[1] = 3, 1, 0.6
    found = tree_of(profile(states, phased=False, major2=major2, minor2=minor2, fraction=fraction))
    assert found.tree_length == 0
    row = next(item for item in found.instability if item.name == "A")
    assert row.ploidy == pytest.approx((2 + 2 + 0.6 * 2 + 0.4 * 4) / 3)
    assert row.subclonal == pytest.approx(1 / 3) and row.altered == pytest.approx(0.4 / 3)
    assert any("subclonal in a sample" in text for text in found.warnings)


def test_totals_missing_segments_short_segments_and_many_copies():
    n = 8
    rows = [(s, str(1 + c // 2), c % 2 * MB, (c % 2 + 1) * MB) for s in range(2) for c in range(n // 2)]
    total = np.array([2.0, 12.0, 2, 2, 2, 2, 2, 1])
    unknown = np.full(n, np.nan)
    columns = list(zip(*rows))
    found = tree_of(CopyNumberProfile(("A", "B"), *columns, unknown, unknown, total=total), wgd=False)
    assert found.tree_length == 11 and {event.allele for event in found.events} == {"total"}
    assert any("total copy number only" in text for text in found.warnings)
    keep = np.array([i for i in range(n) if i != 1])  # the gain's segment is unknown in A: nothing to compare there
    fewer = CopyNumberProfile(
        ("A", "B"), *([column[i] for i in keep] for column in columns), unknown[keep], unknown[keep], total=total[keep]
    )
    found = tree_of(fewer, wgd=False)
    assert found.tree_length == 1 and any("25% of the genome lacks copy number" in text for text in found.warnings)


def test_an_amplicon_counts_by_doublings_and_keeps_its_copies():
    states = {"A": [(120, 1), (1, 1)], "B": [(1, 1), (1, 1)]}
    found = tree_of(profile(states), wgd=False)
    assert found.tree_length == 11  # 7 to eight copies, 4 doublings begun beyond
    assert found.copies[0].max() == 120
    assert any("one gain a doubling" in text for text in found.warnings)


def test_parallel_events_against_their_null():
    # Four samples below one node each; the same two losses in A and C, others apart.
    names = ("A", "B", "C", "D", "diploid", "all", "ab", "cd")
    parents = np.array([6, 6, 7, 7, -1, 4, 5, 5])
    shared = [CopyNumberEvent(x, "loss", str(c), 0, MB, "a") for x in "AC" for c in range(6)]
    apart = [CopyNumberEvent(x, "gain", str(10 + i), 0, MB, "b") for i, x in enumerate("ABCD")]
    pairs, test = find_parallel_events(
        (*shared, *apart), names, parents, permutations=500, rng=np.random.default_rng(1)
    )
    assert len(pairs) == 6 == test.observed and not any(pair.is_mirrored for pair in pairs)
    assert test.expected < 6 and test.p_value < 0.1
    mirrored = [CopyNumberEvent("A", "gain", "1", 0, MB, "a"), CopyNumberEvent("C", "gain", "1", 0, MB, "b")]
    pairs, _ = find_parallel_events(tuple(mirrored), names, parents, permutations=0, rng=np.random.default_rng(1))
    assert [pair.is_mirrored for pair in pairs] == [True]
    unphased = [
        CopyNumberEvent(e.branch, e.kind, e.chrom, e.start, e.end, x) for e, x in zip(mirrored, ("major", "minor"))
    ]
    assert find_parallel_events(tuple(unphased), names, parents, permutations=0, rng=np.random.default_rng(1))[0] == ()
    # Below an altered ancestor, or one above the other: not parallel.
    trunk = CopyNumberEvent("all", "gain", "1", 0, MB, "a")
    assert find_parallel_events((trunk, mirrored[0]), names, parents, permutations=0, rng=None)[0] == ()


def test_cnv_takes_its_settings_from_a_file(tmp_path):
    header = "sample_id\tchrom\tstart\tend\tcn_a\tcn_b\n"
    rows = []
    for s, name in enumerate(("diploid", "A", "B", "C")):
        for chrom in range(1, 6):
            cn_a = 2 if name != "diploid" and (chrom == 1 or chrom - 1 == s) else 1
            rows.append(f"{name}\tchr{chrom}\t1\t{50 * MB}\t{cn_a}\t1\n")
            short = 3 if name == "B" else 1  # below the least length
            rows.append(f"{name}\tchr{chrom}\t{50 * MB + 1}\t{50 * MB + 1000}\t{short}\t1\n")
    (tmp_path / "table.tsv").write_text(header + "".join(rows))
    (tmp_path / "settings.toml").write_text('[copy_number]\nmin_segment_length = 10000\nsupport = "jackknife"\n')
    arguments = ["cnv", str(tmp_path / "table.tsv"), "-o", str(tmp_path / "x"), "--no-wgd", "--bootstrap", "20"]
    assert _invoke([*arguments, "--config", str(tmp_path / "settings.toml")]) == 0
    summary = json.loads((tmp_path / "x" / "copy_number" / "summary.json").read_text())
    assert (summary["tree_length"], summary["segments"], summary["support"]) == (4, 5, "jackknife")
    assert summary["parallel_events"] is None or summary["parallel_events"]["observed"] == 0
