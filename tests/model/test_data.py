"""The data model: shapes are checked, arrays are read-only, missing is never zero."""

import numpy as np
import pytest

from phylometa.errors import InputError
from phylometa.model.clusters import Clustering
from phylometa.model.patient import (
    CopyNumberAtLoci,
    CopyNumberProfile,
    DroppedVariants,
    MutationTable,
    Patient,
    Sample,
    Site,
)


def small_table():
    return MutationTable(
        ids=("a", "b", "c"),
        sample_names=("P1", "M1"),
        alt_counts=[[5, 0], [0, 3], [0, 0]],
        depth=[[10, 20], [12, 6], [0, 9]],
        genes=("TP53", "", "KRAS"),
        error_rate=np.full((3, 2), 0.01),
    )


def test_depth_zero_is_missing_evidence_not_absence():
    table = small_table()
    assert table.is_informative.tolist() == [[True, True], [True, True], [False, True]]
    assert np.isnan(table.vaf[2, 0])
    assert table.vaf[0].tolist() == [0.5, 0.0]


def test_rows_lie_one_after_the_other_however_they_were_made():
    """A kernel that meets another order of memory is compiled anew: a minute before the first patient."""
    columns = np.asfortranarray([[5, 0], [0, 3], [0, 0]]), np.asfortranarray([[10, 20], [12, 6], [1, 9]])
    table = MutationTable(("a", "b", "c"), ("P1", "M1"), *columns)
    for one in (table, table.take([2, 0]), small_table().take_samples(np.array([1, 0]))):
        for name in ("alt_counts", "depth", "observed"):
            assert getattr(one, name).flags.c_contiguous, name
    assert table.censored.strides == (0, 0)  # one value, no memory


def test_arrays_are_read_only():
    table = small_table()
    with pytest.raises(ValueError, match="read-only"):
        table.alt_counts[0, 0] = 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ids": ("a", "a", "c")}, "ids: not unique"),
        ({"sample_names": ("P1", "P1")}, "sample_names: not unique"),
        ({"alt_counts": [[1, 2]]}, "shape"),
        ({"alt_counts": [[99, 0], [0, 0], [0, 0]]}, "between 0 and depth"),
        ({"alt_counts": [[-1, 0], [0, 0], [0, 0]]}, "between 0 and depth"),
        ({"genes": ("TP53",)}, "1 values for 3 mutations"),
    ],
)
def test_a_malformed_table_is_refused(change, message):
    good = {"ids": "abc", "sample_names": ("P1", "M1"), "alt_counts": np.zeros((3, 2)), "depth": np.ones((3, 2))}
    with pytest.raises(ValueError, match=message):
        MutationTable(**{**good, **change})


def test_take_by_index_and_by_mask():
    table = small_table()
    assert table.take([2, 0]).ids == ("c", "a")
    masked = table.take(np.array([True, False, True]))
    assert masked.ids == ("a", "c")
    assert masked.genes == ("TP53", "KRAS")
    assert masked.error_rate.shape == (2, 2)


def test_copy_number_defaults_are_clonal_and_total_follows():
    copy_number = CopyNumberAtLoci(major=[[2.0, np.nan]], minor=[[1.0, np.nan]], normal=[[2.0, 2.0]])
    assert copy_number.total[0, 0] == 3
    assert copy_number.is_known.tolist() == [[True, False]]
    assert np.isnan(copy_number.major2).all()
    assert (copy_number.fraction == 1).all()
    assert CopyNumberAtLoci.diploid(2, 3).take(np.array([1])).total.tolist() == [[2, 2, 2]]


def test_a_segment_that_ends_before_it_starts_is_refused():
    with pytest.raises(ValueError, match="ends before it starts"):
        CopyNumberProfile(("S",), [0], ("1",), [10], [10], [1.0], [1.0])


def test_dropped_variants_add_up():
    one = DroppedVariants(("1:2:A:T",), ("S",), ("filter",), ("x.vcf",), (12,))
    assert len(one + one) == 2
    with pytest.raises(ValueError, match="differ in length"):
        DroppedVariants(("a",))


def test_site_classes():
    assert Site("liver", "distant").is_metastasis
    assert not Site("bed", "bed").is_metastasis
    with pytest.raises(ValueError, match="none of"):
        Site("liver", "metastasis")


def small_patient(**changes):
    table = small_table()
    fields = {
        "name": "X",
        "samples": (Sample("P1", "colon", purity=0.5), Sample("M1", "liver")),
        "sites": (Site("colon", "primary"), Site("liver", "distant")),
        "mutations": table,
        "copy_number": CopyNumberAtLoci.diploid(3, 2),
    }
    return Patient(**{**fields, **changes})


def test_patient_indices():
    patient = small_patient()
    assert patient.sample_site.tolist() == [0, 1]
    assert patient.primary.name == "colon"
    assert np.isnan(patient.purity[1])
    assert patient.with_changes(name="Y").name == "Y"


def test_patient_checks():
    with pytest.raises(ValueError, match="not the columns"):
        small_patient(samples=(Sample("M1", "liver"), Sample("P1", "colon")))
    with pytest.raises(ValueError, match="shape differs"):
        small_patient(copy_number=CopyNumberAtLoci.diploid(2, 2))
    with pytest.raises(ValueError, match="liver not listed"):
        small_patient(sites=(Site("colon", "primary"),))
    with pytest.raises(InputError, match="no primary"):
        small_patient(sites=(Site("colon", "bed"), Site("liver", "distant"))).primary  # noqa: B018


def test_clustering_sizes_and_checks():
    fields = {
        "names": ("1", "2"),
        "labels": [0, 1, 1],
        "probability": [1, 1, 0.5],
        **dict.fromkeys(("ccf", "ccf_lo", "ccf_hi", "alt_reads", "total_reads"), np.zeros((2, 2))),
    }
    assert Clustering(**fields).sizes.tolist() == [1, 2]
    with pytest.raises(ValueError, match="outside the clusters"):
        Clustering(**{**fields, "labels": [0, 1, 2]})
