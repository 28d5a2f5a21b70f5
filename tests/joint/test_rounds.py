"""How long the chains of the joint sampler run, and which draws are kept."""

from dataclasses import replace

import numpy as np
import pytest
from test_joint import SETTINGS, run, table

from phylometa.config import Settings, TreeSettings
from phylometa.joint import _chain, infer, rounds
from phylometa.joint._presence import Places

PLACES = Places(np.array([0, 1]), np.array([1, 2, 0]), np.ones(4))


def blocks_made(monkeypatch, **changes):
    """Blocks of moves of the first of two chains, one after the other, and the draws kept."""
    lengths, drawn = [], []
    run_chain = _chain.run_chain

    def counted(*parts):
        lengths.append(parts[7])
        return run_chain(*parts)

    monkeypatch.setattr(_chain, "run_chain", counted)
    monkeypatch.setattr(infer, "_summarise", lambda chains, *_: drawn.append(chains))
    vaf = np.repeat([[0.5, 0.5], [0.25, 0.0]], 4, axis=0)
    mutations = table(np.random.default_rng(1).binomial(400, vaf), 400)
    short = {"joint_sweeps": 4000, "joint_draws": 240, "joint_rounds": 1, "joint_agreement": 0.1, **changes}
    run(mutations, [0] * 4 + [1] * 4, replace(SETTINGS, trees=replace(SETTINGS.trees, **short)), primary=0)
    return lengths[::2], drawn[0]


def test_chains_end_when_their_statements_are_known(monkeypatch):
    lengths, chains = blocks_made(monkeypatch, joint_error=0.04)
    assert lengths == [250]  # a quarter of a round of 32,000 moves


def test_without_an_error_asked_for_all_rounds_are_made_and_all_draws_kept(monkeypatch):
    lengths, chains = blocks_made(monkeypatch, joint_error=0.0)
    assert lengths == [250, 250, 500]
    assert len(chains.chain) == 240 and np.bincount(chains.chain).tolist() == [120, 120]


def test_chains_that_do_not_agree_run_all_rounds(monkeypatch):
    monkeypatch.setattr(rounds, "disagreement", lambda _: 0.2)
    lengths, _ = blocks_made(monkeypatch, joint_error=0.5)
    assert lengths == [250, 250, 500]


def test_states_of_the_second_half_are_evenly_spaced():
    """Of pieces of 10, 10 and 15 blocks, of which the last kept every third: blocks 18 to 35 are the second half."""
    at = [np.arange(1, 11), np.arange(11, 21), np.arange(23, 36, 3)]
    pieces = [rounds._Piece(blocks, (blocks,)) for blocks in at]
    (found,) = rounds._second_half(pieces, 35, 100)
    assert found.tolist() == [18, 19, 20, 23, 26, 29, 32, 35]
    (four,) = rounds._second_half(pieces, 35, 4)
    assert four.tolist() == [18, 23, 29, 35]
    (first,) = rounds._second_half(pieces[:1], 10, 100)
    assert first.tolist() == [6, 7, 8, 9, 10]


def chains_of(is_there):
    """Draws of two chains: a clone that is in the second site, or not."""
    n = len(is_there)
    steps = np.zeros((n, 2, 2), dtype=np.int16)
    steps[:, 0, 0], steps[:, 1, 1] = 1, is_there
    return rounds.Chains(
        labels=np.tile(np.array([0, 1], dtype=np.int16), (n, 1)),
        parents=np.tile(np.array([2, 0, -1], dtype=np.int16), (n, 1)),
        options=np.zeros((n, 2, 2), dtype=np.int8),
        steps=steps,
        total=np.ones((n, 2), dtype=np.int16),
        scores=np.arange(n, dtype=float),
        chain=np.repeat([0, 1], n // 2),
    )


@pytest.mark.parametrize(("stays", "error", "kept"), [(1, 0.001, 1920), (1, 0.5, 240), (240, 0.001, 240)])
def test_draws_that_add_nothing_are_not_kept(stays, error, kept):
    """Independent draws all count, if the error asked for is small; of sticky ones every 8th says as much."""
    is_there = np.repeat(np.random.default_rng(3).integers(0, 2, 1920 // stays), stays)
    chains = chains_of(is_there)
    found = rounds._thinned(chains, PLACES, TreeSettings(joint_error=error, joint_chains=2))
    assert len(found.chain) == kept
    if kept < 1920:
        assert found.scores.tolist() == [float(x) for x in range(7, 1920, 8)]
    assert rounds._thinned(chains, PLACES, TreeSettings(joint_error=0.0)) is chains
    few = chains.chosen(np.arange(0, 1920, 5))
    assert len(rounds._thinned(few, PLACES, TreeSettings(joint_error=0.5)).chain) == 384  # half of them are too few


def test_defaults_stop_at_the_error_that_is_promised():
    assert Settings().trees.joint_error == 0.01
