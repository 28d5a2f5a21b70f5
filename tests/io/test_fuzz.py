"""Damaged inputs are refused with `InputError` or read consistently; never anything else."""

from __future__ import annotations

import contextlib
import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from io_files import rewrite
from io_fuzz import CASES, Case, fuzz, prepare, with_huge_numbers

from phylometa.errors import InputError
from phylometa.io.files import parse_count, parse_number
from phylometa.io.sheet import read_sheet
from phylometa.io.tables import read_counts
from phylometa.io.variants import read_vcf
from phylometa.io.vcf_header import SampleRequest


def test_a_few_hundred_damaged_inputs(tmp_path: Path) -> None:
    tally = fuzz(20 * len(CASES), 1, tmp_path)
    assert tally.n == 20 * len(CASES)
    assert set(tally.refused) == {case.name for case in CASES if case.name != "sheet, validated"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_number_beyond_every_integer_is_refused_or_a_name(case: Case, tmp_path: Path) -> None:
    ((_, main, target, data, _),) = prepare(tmp_path, (case,))
    if data.startswith((b"\x1f\x8b", b"{")):
        pytest.skip("packed or a document: its digits are no fields")
    for bad in itertools.islice(with_huge_numbers(data), 60):
        rewrite(target, bad)
        with contextlib.suppress(InputError):
            case.read(main)


@pytest.mark.slow
def test_twenty_thousand_damaged_inputs(tmp_path: Path) -> None:
    assert fuzz(20_000, 2, tmp_path).n == 20_000


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=400))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "x"
    path.write_bytes(data)
    for read in (read_sheet, read_counts, lambda path: read_vcf(path, [SampleRequest("S1", ("S1",))])):
        with pytest.raises(InputError):
            read(path)


@settings(deadline=None, max_examples=200)
@given(st.one_of(st.text(max_size=12), st.integers().map(str), st.floats().map(repr)))
def test_numbers_are_numbers(text: str) -> None:
    number, count = parse_number(text), parse_count(text)
    if number is not None:
        assert number == float(text) and "_" not in text and text.strip().isascii()
    if count is not None:
        assert count == float(text) and 0 <= count <= 1e9
