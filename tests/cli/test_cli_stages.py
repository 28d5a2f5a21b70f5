"""Stage commands on plain inputs: Pairtree's files, cases as JSON, tables of counts; and what each refuses."""

import json
import math

import pytest

from phylometa.cli import _invoke

CASE = {
    "id": "one",
    "input": {
        "primary": "P",
        "sites": {"P": {"site_class": "primary"}, "M": {"site_class": "distant"}},
        "edges": [["R", "A"]],
        "root": "R",
        "presence": {"R": ["P"], "A": ["P", "M"]},
        "n_mut": {"R": 10, "A": 5},
    },
}


def test_tree_from_pairtree_files(tmp_path):
    lines = ["id\tname\tvar_reads\ttotal_reads\tvar_read_prob"]
    for i, (first, second) in enumerate([(100, 100), (60, 10), (20, 80)]):
        lines += [f"s{3 * i + k}\tm{3 * i + k}\t{first},{second}\t200,200\t0.5,0.5" for k in range(3)]
    (tmp_path / "x.ssm").write_text("\n".join(lines) + "\n")
    clusters = [[f"s{3 * i + k}" for k in range(3)] for i in range(3)]
    (tmp_path / "x.params.json").write_text(json.dumps({"samples": ["S1", "S2"], "clusters": clusters, "garbage": []}))
    output = tmp_path / "out"
    arguments = [
        "tree",
        "--ssm",
        str(tmp_path / "x.ssm"),
        "--params",
        str(tmp_path / "x.params.json"),
        "-o",
        str(output),
    ]
    assert _invoke(arguments) == 0
    document = json.loads((output / "trees/trees.json").read_text())
    best = document["trees"][0]["parents"]
    root = next(name for name, parent in best.items() if parent is None)
    # prevalences (1, 1), (.6, .1), (.2, .8): the second and third are siblings under the first
    assert [parent for parent in best.values() if parent is not None] == [root, root]
    assert document["complete"]


def test_cases_from_a_list_a_single_case_and_a_bare_input(tmp_path, capsys):
    for document in ({"cases": [CASE]}, CASE, CASE["input"]):
        path = tmp_path / "cases.json"
        path.write_text(json.dumps(document))
        assert _invoke(["seeding", str(path), "-o", "-"]) == 0
        (found,) = json.loads(capsys.readouterr().out)["cases"]
        assert found["headline"]["pattern"] == "PS"


def test_a_malformed_case_is_named(tmp_path, capsys):
    path = tmp_path / "cases.json"
    path.write_text(json.dumps({"cases": [{"id": "bad", "input": {"primary": "P"}}]}))
    assert _invoke(["seeding", str(path), "-o", str(tmp_path / "out.json")]) == 3
    assert "case bad" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize("content", ["[1]", "3", '{"cases": 1}', '{"cases": [1]}', "{", "null"])
def test_what_is_no_case_file_is_refused(tmp_path, content, capsys):
    path = tmp_path / "cases.json"
    path.write_text(content)
    assert _invoke(["seeding", str(path), "-o", "-"]) == 3
    assert "cases.json" in capsys.readouterr().err


def test_timing_from_a_table(tmp_path):
    table = tmp_path / "counts.tsv"
    table.write_text("patient\tmetastasis\tL_p\tL_m\tW_s\nV402\tbrain\t6\t20\t0\nX\tliver\t115\t23\t80\n")
    output = tmp_path / "divergence.tsv"
    assert _invoke(["timing", "--table", str(table), "-o", str(output)]) == 0
    header, first, second = (line.split("\t") for line in output.read_text().splitlines())
    assert header[:6] == ["patient", "metastasis", "S", "L_p", "L_m", "W_s"]
    assert first[:2] == ["V402", "brain"]
    # H = L_m / (L_p + 1) (Hu 2019)
    assert math.isclose(float(first[header.index("H")]), 20 / 7, rel_tol=1e-6)
    assert math.isclose(float(second[header.index("jsi")]), 80 / 218, rel_tol=1e-6)


def test_a_bad_table_is_refused(tmp_path, capsys):
    table = tmp_path / "counts.tsv"
    table.write_text("patient\tmetastasis\tL_p\tL_m\tW_s\nX\tliver\t-1\tmany\t0\n")
    assert _invoke(["timing", "--table", str(table), "-o", "-"]) == 3
    err = capsys.readouterr().err
    assert "L_p" in err
    assert "many" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["tree"],
        ["timing"],
        ["tree", "absent"],
        ["migrate", "absent"],
        ["seeding", "cases.json"],
        ["plot", "absent"],
        ["report", "absent"],
        ["simulate", "-o", "x", "--set", "depth"],
        ["simulate", "-o", "x", "--preset", "nonsense"],
        ["simulate", "-o", "x", "--set", "nonsense=1"],
    ],
)
def test_usage_errors_say_what_is_missing(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert _invoke(arguments) == 2
    assert "Usage" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_stage_before_the_one_it_needs_is_refused(tmp_path, capsys):
    directory = tmp_path / "X"
    (directory / "input").mkdir(parents=True)
    assert _invoke(["tree", str(directory)]) == 3
    assert "samples.tsv" in capsys.readouterr().err


SEGMENTS = "sample_id\tchrom\tstart\tend\tcn_a\tcn_b\n" + "".join(
    f"{name}\tchr1\t1\t1000000\t{copies}\t1\n" for name, copies in (("diploid", 1), ("A", 20), ("B", 2), ("C", 1))
)


def test_stages_replace_their_own_files_and_none_of_others(tmp_path, capsys):
    (tmp_path / "segments.tsv").write_text(SEGMENTS)
    (tmp_path / "x.tree").write_text("R A\n")
    (tmp_path / "x.labeling").write_text("R P\nA P M\n")
    patient = tmp_path / "P01"
    (patient / "clusters").mkdir(parents=True)
    (patient / "clusters/clusters.tsv").write_text("kept")
    commands = (
        ["cnv", str(tmp_path / "segments.tsv"), "-o", str(patient), "--bootstrap", "0"],
        ["migrate", str(tmp_path / "x.tree"), str(tmp_path / "x.labeling"), "--primary", "P", "-o", str(patient)],
    )
    for command in commands:
        assert _invoke(command) == 2  # something is there
        assert _invoke([*command, "--force"]) == 0
    (patient / "copy_number/mine.tsv").write_text("mine")
    assert _invoke([*commands[0], "--force"]) == 2
    assert (patient / "copy_number/mine.tsv").read_text() == "mine"
    assert (patient / "copy_number/tree.nwk").is_file() and (patient / "seeding/histories.json").is_file()
    assert (patient / "clusters/clusters.tsv").read_text() == "kept"
    assert "warning: " in capsys.readouterr().err  # of the copy-number stage: an amplicon


def test_nothing_but_a_result_is_replaced(tmp_path, capsys):
    counts = tmp_path / "counts.tsv"
    rows = ["mutation_id\tsample_id\tref_counts\talt_counts\tmajor_cn\tminor_cn\tnormal_cn\ttumour_content"]
    rows += [f"m{i}\t{name}\t60\t40\t1\t1\t2\t0.8" for i in range(4) for name in ("A", "B")]
    counts.write_text("\n".join(rows) + "\n")
    sheet = tmp_path / "samples.tsv"
    sheet.write_text("patient\tsample\tsite\tcounts\nP01\tA\tcolon\tcounts.tsv\nP01\tB\tliver\tcounts.tsv\n")
    own = tmp_path / "P01"  # a patient's raw data, beside the sheet, under the patient's name
    own.mkdir()
    (own / "raw.vcf").write_text("irreplaceable")
    commands = (
        ["run", str(sheet), "-o", str(tmp_path), "--resume", "--no-plots"],
        ["run", str(sheet), "-o", str(tmp_path), "--force", "--no-plots"],
        ["cluster", str(counts), "--sheet", str(sheet), "-o", str(own), "--force"],
        ["simulate", "-o", str(own), "--force"],
    )
    for command, status in zip(commands, (2, 2, 2, 2)):
        assert _invoke(command) == status, command
        assert str(own) in capsys.readouterr().err
    assert [path.name for path in own.iterdir()] == ["raw.vcf"]
    assert (own / "raw.vcf").read_text() == "irreplaceable"
