"""Copy number of a male's X as callers report it that know no sex."""

import numpy as np

from phylometa.io.sex_chromosomes import single_alleles

NAN = np.nan


def arrays(major, minor, minor2=None):
    major, minor = (np.array(values, dtype=np.float32)[:, None] for values in (major, minor))
    second = np.full(major.shape, NAN, dtype=np.float32) if minor2 is None else np.array(minor2, np.float32)[:, None]
    found = {"major": major, "minor": minor, "total": major + minor, "fraction": np.ones_like(major)}
    return {**found, "major2": np.where(np.isnan(second), NAN, 1).astype(np.float32), "minor2": second}


def test_one_and_one_is_one_and_none_and_other_states_are_not_known():
    given = arrays([1, 1, 2, 1, NAN, 1], [1, 0, 1, 1, NAN, 1], [NAN, NAN, NAN, NAN, NAN, 1])
    normal = np.array([1, 1, 1, 2, 1, 1], dtype=np.float32)[:, None]
    found, warnings = single_alleles(given, normal, ["chrX"] * 3 + ["chr1"] + ["chrX"] * 2, ["S"])
    assert np.array_equal(found["minor"][:, 0], [0, 0, NAN, 1, NAN, NAN], equal_nan=True)
    assert np.array_equal(found["total"][:, 0], [1, 1, NAN, 2, NAN, NAN], equal_nan=True)
    assert given["minor"][0, 0] == 1
    (text,) = warnings
    assert "X in S" in text and "1+1 at 1 mutations" in text and "other states at 2" in text


def test_nothing_changes_in_a_female():
    given = arrays([1, 2], [1, 1])
    found, warnings = single_alleles(given, np.full((2, 1), 2, dtype=np.float32), ["chrX", "chr1"], ["S"])
    assert warnings == [] and all(found[name] is given[name] for name in given)
