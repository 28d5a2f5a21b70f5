"""Copy number of single cells: how callers write it, what is left out and refused; the command to tables and tree."""

import json

import numpy as np
import pytest

from phylometa.cli import _invoke
from phylometa.errors import InputError
from phylometa.io.cell_copy_number import is_cell_copy_number, read_cell_copy_number
from phylometa.io.tsv import read_tsv
from phylometa.simulate import SimulationSettings, simulate_patient
from phylometa.simulate.cells import simulate_cell_copy_number

# The same two cells on 1:0-10 and 1:10-20 Mb: 1+1 and 2+1; 1+0 and unknown.
MEDICC2 = """sample_id\tchrom\tstart\tend\tcn_a\tcn_b
c1\tchr1\t1\t10000000\t1\t1
c1\tchr1\t10000001\t20000000\t2\t1
diploid\tchr1\t1\t20000000\t1\t1
c2\tchr1\t1\t10000000\t1\t0
c2\tchr1\t10000001\t20000000\tNA\tNA
"""
CHISEL = """#CHR\tSTART\tEND\tCELL\tNORM_COUNT\tCOUNT\tRDR\tA_COUNT\tB_COUNT\tBAF\tCLUSTER\tHAP_CN\tCORRECTED_HAP_CN
chr1\t0\t10000000\tc1\t9\t9\t1\t5\t4\t0.4\t1\t1|1\t2|2
chr1\t0\t10000000\tc2\t9\t4\t0.5\t4\t0\t0\t1\t1|0\t2|2
chr1\t10000000\t20000000\tc1\t9\t14\t1.5\t9\t5\t0.3\t1\t2|1\t2|2
"""
SIGNALS = """chr,start,end,cell_id,state,copy,A,B,state_AS_phased,BAF
1,1,10000000,c1,2,2.1,1,1,1|1,0.5
1,1,10000000,c2,1,0.9,1,0,1|0,0.0
1,10000001,20000000,c1,3,3.1,2,1,2|1,0.3
"""
HMMCOPY = """chr,start,end,reads,gc,copy,state,cell_id
1,1,10000000,300,0.4,2.1,2,c1
1,1,10000000,150,0.4,0.9,1,c2
1,10000001,20000000,450,0.4,3.1,3,c1
"""
GINKGO = "CHR\tSTART\tEND\tc1\tc2\nchr1\t0\t10000000\t2\t1\nchr1\t10000000\t20000000\t3\tNA\n"
PAIRS = "chrom,start,end,c1,c2\n1,1,10000000,1|1,1|0\n1,10000001,20000000,2|1,NA\n"
CELL_RANGER = """#cellranger-dna 1.0.0
#reference genome: /refdata
#chrom\tstart\tend\tid\tcopy_number\tevent_confidence
chr1\t0\t20000000\t2\t2\t100
chr1\t0\t10000000\t0\t2\t100
chr1\t10000000\t20000000\t0\t3\t100
chr1\t0\t10000000\t1\t1\t100
GL000192.1\t0\t500000\t1\t2\t100
"""
PHASED = [[[1, 1], [2, -1]], [[1, 0], [1, -1]]]
TOTALS = [[[2, 1], [3, -1]]]


def read(folder, text, name="cells.txt"):
    path = folder / name
    path.write_text(text)
    assert is_cell_copy_number(path)
    return read_cell_copy_number(path)


@pytest.mark.parametrize(
    ("text", "copies"),
    [
        (MEDICC2, PHASED),
        (CHISEL, PHASED),
        (SIGNALS, PHASED),
        (PAIRS, PHASED),
        (HMMCOPY, TOTALS),
        (GINKGO, TOTALS),
        (CELL_RANGER, TOTALS),
    ],
    ids=["medicc2", "chisel", "signals", "pairs", "hmmcopy", "ginkgo", "cell_ranger"],
)
def test_what_callers_write(tmp_path, text, copies):
    found = read(tmp_path, text)
    assert found.copies.tolist() == copies
    assert len(found.cells) == 2 and found.is_phased == (copies is PHASED)
    assert [name.removeprefix("chr") for name in found.chroms] == ["1", "1"]
    assert found.start.tolist() == [0, 10_000_000] and found.end.tolist() == [10_000_000, 20_000_000]


def test_what_is_left_out_is_said(tmp_path):
    assert any("diploid is no cell" in text for text in read(tmp_path, MEDICC2).warnings)
    groups, contigs = sorted(read(tmp_path, CELL_RANGER).warnings, key=len, reverse=True)
    assert "GL000192.1" in groups + contigs and "2 cells are read, 1 group of cells left out" in groups + contigs


def test_segments_of_their_own_are_cut_at_all_breakpoints(tmp_path):
    text = "cell\tchrom\tstart\tend\ttotal_cn\na\t2\t1\t30\t2\nb\t2\t1\t10\t1\nb\t2\t21\t30\t4\n"
    found = read(tmp_path, text)
    assert found.start.tolist() == [0, 10, 20]
    assert found.copies[0].tolist() == [[2, 1], [2, -1], [2, 4]]


def test_major_and_minor_are_sorted_and_no_phase(tmp_path):
    found = read(tmp_path, "cell,chrom,start,end,Maj,Min\na,1,1,9,1,3\n")
    assert found.copies[:, 0, 0].tolist() == [3, 1] and not found.is_phased


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cell,chrom,start,end,total_cn\na,1,1,9,2.5\n", "no whole number of copies"),
        ("cell,chrom,start,end,total_cn\na,1,1,9,-1\n", "no whole number of copies"),
        ("cell,chrom,start,end,total_cn\na,1,x,9,2\n", "'x' is not a position"),
        ("cell,chrom,start,end,total_cn\na,1,9,1,2\n", "ends before it starts"),
        ("cell,chrom,start,end,total_cn\na,1,1,9,2\na,1,5,12,3\n", "overlap in a cell"),
        ("cell,chrom,start,end,total_cn\n,1,1,9,2\n", "names no cell"),
        ("cell,chrom,start,end,depth\na,1,1,9,2\n", "no column of copy number that is known"),
        ("chrom,start,end,gc\n1,1,9,2\n", "has places and no cell"),
        ("chrom,start,end,a,a\n1,1,9,2,2\n", "cells are there twice: a"),
        ("chrom,start,end,a\n1,1,9,two\n", "'two' is no whole number of copies"),
        ("chrom,start,end,a\nMT,1,9,2\n", "holds no copy number of any cell"),
        ("chrom,start,end,a\n1,1,9,NA\n", "holds no copy number of any cell"),
    ],
)
def test_what_is_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, text)


def test_a_matrix_of_mutations_is_none(tmp_path):
    path = tmp_path / "m.tsv"
    path.write_text("gene\tc1\tc2\nA\t1\t0\n")
    assert not is_cell_copy_number(path) and not is_cell_copy_number(tmp_path / "missing.tsv")


@pytest.mark.system
def test_the_command_writes_clones_their_tree_and_a_picture(tmp_path, capsys):
    rng = np.random.default_rng(4)
    truth = simulate_patient(SimulationSettings(branch_cn_events=4.0, distant_sites=1), rng=rng).truth
    clone = rng.choice(truth.tree.n_clones, size=80)
    matrix = simulate_cell_copy_number(truth.profile, clone, rng=rng)
    lines = ["chrom\tstart\tend\tcell\tcn_a\tcn_b"]
    for j, chrom in enumerate(matrix.chroms):
        place = f"{chrom}\t{matrix.start[j] + 1}\t{matrix.end[j]}"
        states = matrix.copies[:, j].T.tolist()
        lines += [f"{place}\t{cell}\t{a}\t{b}" for cell, (a, b) in zip(matrix.cells, states)]
    (tmp_path / "cells.tsv").write_text("\n".join(lines) + "\n")
    out = tmp_path / "out"
    assert _invoke(["cells", str(tmp_path / "cells.tsv"), "-o", str(out)]) == 0
    summary = json.loads((out / "summary.json").read_text())
    cells, clones = list(read_tsv(out / "cells.tsv")), list(read_tsv(out / "clones.tsv"))
    assert summary["n_cells"] == len(cells) == 80 and sum(summary["cells"].values()) == 80
    assert len(clones) == summary["n_clones"] > 2 and 0.03 < summary["wrong_state"] < 0.07
    assert sum(int(row["cells"]) for row in clones) == summary["cells"]["clone"]
    assert {row["clone"] for row in read_tsv(out / "profiles.tsv")} == {row["clone"] for row in clones}
    tree = (out / "copy_number" / "tree.nwk").read_text()
    assert all(f"clone_{row['clone']}" in tree for row in clones)
    picture = (out / "cells.svg").read_text()
    assert "cell-copy-number" in picture and f"clone 1 ({clones[0]['cells']})" in picture
    # the same input, the same bytes
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file() and path.suffix != ".json"}
    assert _invoke(["cells", str(tmp_path / "cells.tsv"), "-o", str(out), "--force"]) == 0
    assert {name: (out / name).read_bytes() for name in before} == before
    few = tmp_path / "few.tsv"
    few.write_text("\n".join(line for line in lines if "\tcell1\t" in line or line == lines[0]) + "\n")
    assert _invoke(["cells", str(few), "-o", str(tmp_path / "few")]) == 0
    assert "no tree of clones" in capsys.readouterr().err
