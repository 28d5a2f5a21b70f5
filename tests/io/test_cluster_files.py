"""Clusterings of other programs: each dialect, conflicts, identifiers that do not match."""

from __future__ import annotations

import json

import pytest

from phylometa.errors import InputError
from phylometa.io.clusters import clusters_of_mutations, read_clustering


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_pyclone_vi(tmp_path):
    path = write(
        tmp_path / "results.tsv",
        "mutation_id\tsample_id\tcluster_id\tcellular_prevalence\tcellular_prevalence_std\tcluster_assignment_prob\n"
        "m1\tA\t0\t1.0\t0.01\t1.0\nm1\tB\t0\t1.0\t0.01\t1.0\nm2\tA\t3\t0.2\t0.01\t0.9\nm2\tB\t3\t0.0\t0.01\t0.9\n",
    )
    assert read_clustering(path) == {"m1": "0", "m2": "3"}


def test_conipher_by_locus(tmp_path):
    path = write(
        tmp_path / "P1.SCoutput.CLEAN.tsv",
        "CASE_ID\tSAMPLE\tCHR\tPOS\tREF\tALT\tREF_COUNT\tVAR_COUNT\tCLUSTER\n"
        "P1\tR1\t1\t100\tA\tG\t50\t20\t1\nP1\tR2\t1\t100\tA\tG\t40\t10\t1\nP1\tR1\t2\t7\tC\tT\t50\t20\tNA\n",
    )
    assert read_clustering(path) == {"1:100:A:G": "1", "2:7:C:T": ""}


def test_pairtree(tmp_path):
    params = {"samples": ["A"], "clusters": [["s0", "s2"], ["s1"]], "garbage": ["s3"]}
    path = write(tmp_path / "x.params.json", json.dumps(params))
    assert read_clustering(path) == {"s0": "1", "s2": "1", "s1": "2", "s3": ""}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.tsv", "mutation_id\tcluster\nm1\t1\nm1\t2\n", "row 3, column cluster: m1 is in clusters 1 and 2"),
        ("a.tsv", "mutation_id\tgroup\nm1\t1\n", "column cluster is missing"),
        ("a.tsv", "mutation_id\tcluster\nm1\tNA\n", "no mutation with a cluster"),
        ("a.json", '{"samples": ["A"], "clusters": [["s0"], ["s0"]]}', "s0 is in clusters 1 and 2"),
        ("a.json", '{"samples": ["A"], "clusters": []}', "no mutation with a cluster"),
    ],
)
def test_bad_files(tmp_path, name, text, message):
    with pytest.raises(InputError, match=message):
        read_clustering(write(tmp_path / name, text))


def test_matching_to_a_patient():
    clustering = {"chr1:5:A:C": "1", "chr2:6:A:C": "2", "chr9:1:G:T": "2"}
    names, warnings = clusters_of_mutations(clustering, ["1:5:A:C", "2:6:A:C", "3:7:A:C"], file="c.tsv")
    assert names == ("1", "2", "")
    assert "1 mutations have no cluster in c.tsv" in warnings[0] and "3:7:A:C" in warnings[0]
    assert "not in the patient: chr9:1:G:T" in warnings[1]
    assert clusters_of_mutations({"m": "1"}, ["m"])[1] == ()
    with pytest.raises(InputError, match="no mutation of the patient"):
        clusters_of_mutations({"m": "1"}, ["n"])
