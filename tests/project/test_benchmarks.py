"""The parts of the benchmarks that decide something: peers' figures have sources, a slower commit is told."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
if not BENCHMARKS.is_dir():
    pytest.skip("the benchmarks are not here", allow_module_level=True)
sys.path.insert(0, str(BENCHMARKS))


def test_every_figure_of_a_peer_names_its_source_and_how_it_came_about():
    with (BENCHMARKS / "peers.tsv").open(newline="", encoding="utf-8") as handle:
        peers = list(csv.DictReader(handle, delimiter="\t"))
    assert len(peers) > 20
    for peer in peers:
        assert all(peer.values()), peer
        assert float(peer["value"]) >= 0
        assert peer["how"].startswith(("measured", "published"))


def test_peers_stand_beside_stages_that_are_measured():
    import all as benchmarks

    with (BENCHMARKS / "peers.tsv").open(newline="", encoding="utf-8") as handle:
        assert {peer["stage"] for peer in csv.DictReader(handle, delimiter="\t")} <= set(benchmarks.STAGES)


def test_a_slower_commit_is_told_by_the_median_of_ratios():
    from compare_commits import cost_ratio, is_compared, regressions

    assert cost_ratio("CPU a tumour", 2.0, 3.0) == 1.5
    assert cost_ratio("pairs a second, doubling", 200.0, 100.0) == 2.0  # half the rate costs twice
    assert is_compared("memory, MB") and is_compared("CPU a tumour")
    assert not is_compared("ARI m5") and not is_compared("CPU, times bare pysam")
    ratios = {("trees", "CPU a tumour"): [1.0, 9.0, 1.1], ("clusters", "CPU a tumour"): [1.4, 1.3, 0.9]}
    assert regressions(ratios, 1.25) == [("clusters", "CPU a tumour", 1.3)]
    assert regressions(ratios, 1.5) == []
