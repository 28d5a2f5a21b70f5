"""Simulated patients: what was written is what is read."""

import numpy as np


def describe(sample):
    """Fields of a sample that a sheet holds; None for an unknown number."""
    values = {name: getattr(sample, name) for name in sample.__slots__ if name != "diameter_cm"}
    return {name: None if value != value else value for name, value in values.items()}


def assert_same(written, read):
    """Everything an analysis uses; contexts are not in a VCF, and rows of separate VCFs come in another order."""
    rows = [read.mutations.ids.index(name) for name in written.mutations.ids]
    assert sorted(rows) == list(range(read.mutations.n_mutations))
    assert read.mutations.sample_names == written.mutations.sample_names
    for name in ("chroms", "refs", "alts", "genes"):
        column = getattr(read.mutations, name)
        assert tuple(column[i] for i in rows) == getattr(written.mutations, name), name
    for name in ("alt_counts", "depth", "observed", "positions"):
        assert (getattr(read.mutations, name)[rows] == getattr(written.mutations, name)).all(), name
    for name in ("major", "minor", "total", "normal", "fraction", "major2", "minor2"):
        found, expected = getattr(read.copy_number, name)[rows], getattr(written.copy_number, name)
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert [describe(s) for s in read.samples] == [describe(s) for s in written.samples]
    assert set(read.sites) == set(written.sites) and read.drivers == written.drivers
    assert [(t.kind, t.site, t.start, t.end) for t in read.treatments] == [
        (t.kind, t.site, t.start, t.end) for t in written.treatments
    ]
    assert len(read.dropped) == 0
