"""Conversion between the field's formats, and histories of one given tree, through the command line."""

import csv
import json

import pytest

from phylometa.cli import _invoke

TREE = "R A\nR B\nA C\n"
OBSERVED = "R\tP\nA\tP\tM1\nB\tM2\nC\tM1\n"


@pytest.fixture()
def mach2(tmp_path):
    (tmp_path / "x.tree").write_text(TREE)
    (tmp_path / "x.labeling").write_text(OBSERVED)
    return tmp_path / "x.tree"


def sites_of(labeling):
    rows = [line.split() for line in labeling.read_text().splitlines()]
    return {row[0]: set(row[1:]) for row in rows}


def test_a_tree_goes_round_through_every_format(mach2, tmp_path):
    steps = [("mach2", "machina", "m.tree"), ("machina", "jellyfish", "jelly"), ("jellyfish", "metient", "t.tsv")]
    steps.append(("metient", "mach2", "back.tree"))
    path = mach2
    for source, target, name in steps:
        output = tmp_path / name
        arguments = ["convert", "--from", source, "--to", target, str(path), "-o", str(output), "--primary", "P"]
        assert _invoke(arguments) == 0
        path = output
    assert {frozenset(line.split()) for line in path.read_text().splitlines()} == {
        frozenset(line.split()) for line in TREE.splitlines()
    }
    assert sites_of(tmp_path / "back.labeling") == sites_of(tmp_path / "x.labeling")


def test_one_patient_of_several_in_tables_of_jellyfish(mach2, tmp_path, capsys):
    folder = tmp_path / "jelly"
    to_jellyfish = ["convert", "--from", "mach2", "--to", "jellyfish", str(mach2), "-o", str(folder)]
    assert _invoke(to_jellyfish) == 0
    for table in folder.glob("*.tsv"):
        header, *rows = table.read_text().splitlines()
        at = header.split("\t").index("patient")
        other = ["\t".join(["Q" if i == at else cell for i, cell in enumerate(row.split("\t"))]) for row in rows]
        table.write_text("\n".join([header, *rows, *other]) + "\n")
    back = ["convert", "--from", "jellyfish", "--to", "mach2", str(folder), "-o", str(tmp_path / "back.tree")]
    assert _invoke(back) == 3
    assert "choose one (--patient)" in capsys.readouterr().err
    assert _invoke([*back, "--patient", "Q"]) == 0
    assert sites_of(tmp_path / "back.labeling")["A"] == {"P", "M1"}


def test_metients_own_names_of_files(mach2, tmp_path, capsys):
    table = tmp_path / "P01_SNVs.tsv"
    arguments = ["convert", "--from", "mach2", "--to", "metient", str(mach2), "-o", str(table), "--primary", "P"]
    assert _invoke(arguments) == 0
    back = ["convert", "--from", "metient", "--to", "mach2", str(table), "-o", str(tmp_path / "back.tree")]
    (tmp_path / "P01_SNVs.tree").rename(tmp_path / "P01_tree.txt")
    assert _invoke(back) == 0
    (tmp_path / "P01_tree.txt").unlink()
    assert _invoke([*back, "--force"]) == 3
    assert "no tree beside it: P01_SNVs.tree or" in capsys.readouterr().err


def test_a_table_with_names_of_its_own_is_converted(tmp_path):
    (tmp_path / "own.tsv").write_text("variant\ttumour\trefs\talts\nm1\tS1\t60\t40\n")
    arguments = [
        "convert",
        "--from",
        "pyclone",
        "--to",
        "pyclone",
        str(tmp_path / "own.tsv"),
        "-o",
        str(tmp_path / "c.tsv"),
    ]
    assert _invoke(arguments) == 3
    names = ("variant=mutation_id", "tumour=sample_id", "refs=ref_counts", "alts=alt_counts")
    assert _invoke([*arguments, *(text for name in names for text in ("--columns", name))]) == 0
    header, row = (line.split("\t") for line in (tmp_path / "c.tsv").read_text().splitlines())
    assert dict(zip(header, row))["alt_counts"] == "40"


def test_reads_go_round(tmp_path):
    header = [
        "mutation_id",
        "sample_id",
        "ref_counts",
        "alt_counts",
        "major_cn",
        "minor_cn",
        "normal_cn",
        "tumour_content",
    ]
    rows = [["a", "S1", 10, 10, 1, 1, 2, 0.8], ["a", "S2", 20, 0, 1, 1, 2, 0.5]]
    rows += [["b", "S1", 30, 6, 1, 1, 2, 0.8], ["b", "S2", 12, 9, 1, 1, 2, 0.5]]
    table = tmp_path / "counts.tsv"
    table.write_text("\n".join("\t".join(map(str, row)) for row in [header, *rows]) + "\n")
    ssm = tmp_path / "x.ssm"
    assert _invoke(["convert", "--from", "pyclone", "--to", "pairtree", str(table), "-o", str(ssm)]) == 0
    lines = [line.split("\t") for line in ssm.read_text().splitlines()]
    # var_read_prob at two copies is rho / 2
    assert lines[1] == ["s0", "a", "10,0", "20,20", "0.4,0.25"]
    back = tmp_path / "back.tsv"
    assert _invoke(["convert", "--from", "pairtree", "--to", "pyclone", str(ssm), "-o", str(back)]) == 0
    with back.open() as handle:
        got = {
            (row["mutation_id"], row["sample_id"]): (row["ref_counts"], row["alt_counts"])
            for row in csv.DictReader(handle, delimiter="\t")
        }
    assert sorted(got.values()) == sorted((str(row[2]), str(row[3])) for row in rows)


@pytest.mark.parametrize(
    ("source", "target", "status"), [("mach2", "pyclone", 2), ("mach2", "nonsense", 2), ("machina", "metient", 3)]
)
def test_what_cannot_be_converted_is_said(mach2, tmp_path, source, target, status, capsys):
    output = tmp_path / "out.tsv"
    assert _invoke(["convert", "--from", source, "--to", target, str(mach2), "-o", str(output)]) == status
    assert capsys.readouterr().err
    assert not output.exists()


def test_migrate_on_one_tree(mach2, tmp_path):
    output = tmp_path / "out"
    assert _invoke(["migrate", str(mach2), str(tmp_path / "x.labeling"), "--primary", "P", "-o", str(output)]) == 0
    document = json.loads((output / "seeding/histories.json").read_text())
    # R and A in P, A and C in M1 by one migration of A, B to M2 from P: nothing unobserved
    (entry,) = document["trees"]
    assert entry["criteria"] == {"unobserved": 0, "migrations": 2, "comigrations": 2, "seeding_sites": 1}
    assert (entry["n_histories"], entry["complete"]) == (1, True)
    assert sorted(entry["histories"][0]["migration_graph"]) == [["P", "M1", 1], ["P", "M2", 1]]
    assert document["criteria_order"] == "UMCS"


@pytest.mark.parametrize("pattern", ["PS", "S", "M", "R"])
@pytest.mark.parametrize("model", ["refined", "machina"])
def test_migrate_keeps_within_a_pattern(mach2, tmp_path, pattern, model):
    output = tmp_path / "out"
    arguments = ["migrate", str(mach2), str(tmp_path / "x.labeling"), "--primary", "auto", "-o", str(output)]
    assert _invoke([*arguments, "--model", model, "--pattern", pattern]) == 0
    order = ["none", "PS", "S", "M", "R"]
    document = json.loads((output / "seeding/histories.json").read_text())
    assert document["model"] == model
    for entry in document["trees"]:
        for history in entry["histories"]:
            assert order.index(history["pattern"].lstrip("mp")) <= order.index(pattern)


def test_migrate_needs_a_primary(mach2, tmp_path, capsys):
    assert _invoke(["migrate", str(mach2), str(tmp_path / "x.labeling"), "-o", str(tmp_path / "out")]) == 2
    assert "--primary" in capsys.readouterr().err
