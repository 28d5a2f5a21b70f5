"""The main job through the command line: every file of the contract, the same bytes, statuses, stages one by one."""

import csv
import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import networkx
import numpy as np
import pytest
from Bio import Phylo
from result_files import digests, table
from small_patients import QUICK, no_page, write_bare

import phylometa as pm
from phylometa.cli import _invoke
from phylometa.plots import FIGURES

CONTRACT_FILES = (
    *("summary.json", "report.html", "run.log", "warnings.tsv", "manifest.json"),
    *(
        f"input/{name}"
        for name in ("counts.tsv", "variants.tsv.gz", "dropped.tsv.gz", "samples.tsv", "copy_number.tsv")
    ),
    *("clusters/assignments.tsv", "clusters/clusters.tsv", "trees/trees.json", "trees/best.nwk", "trees/consensus.nwk"),
    *("trees/edge_support.tsv", "trees/clone_proportions.tsv", "seeding/histories.json", "seeding/migrations.tsv"),
    *(
        "seeding/labels.json",
        "seeding/criteria.tsv",
        "seeding/graph.dot",
        "seeding/graph.graphml",
        "timing/intervals.tsv",
    ),
    *("timing/divergence.tsv", "copy_number/tree.nwk", "copy_number/distances.tsv", "copy_number/events.tsv"),
    *("copy_number/instability.tsv", "copy_number/summary.json"),
)
DIVERGENCE_COLUMNS = (
    *("metastasis", "S", "L_p", "L_m", "W_s", "rho", "rho_lo", "rho_hi", "H", "jsi", "p_value", "call"),
)


def test_every_file_of_the_contract_is_there(small_run):
    missing = [name for name in CONTRACT_FILES if not (small_run / name).is_file()]
    assert not missing
    unasked = {"tumour_control", "circulation"}
    drawn = {f"{name}.svg" for name in {*FIGURES} - unasked}
    assert {path.name for path in (small_run / "figures").iterdir()} == drawn | {"colors.tsv"}
    assert not list(small_run.parent.glob(".*"))


def test_tables_and_documents_hold_what_the_contract_says(small_run):
    trees = json.loads((small_run / "trees/trees.json").read_text())
    assert sum(tree["weight"] for tree in trees["trees"]) == pytest.approx(1)
    assert list(trees["trees"][0]["parents"].values()).count(None) == 1
    assert {"complete", "n_trees"} <= set(trees)

    histories = json.loads((small_run / "seeding/histories.json").read_text())
    assert histories["model"] == "refined"
    assert histories["criteria_order"] == "UM"
    assert sum(h["weight"] for tree in histories["trees"] for h in tree["histories"]) == pytest.approx(1)
    for tree in histories["trees"]:
        assert tree["weight"] == pytest.approx(sum(h["weight"] for h in tree["histories"]), abs=1e-6)
        assert set(tree["criteria"]) == {"unobserved", "migrations", "comigrations", "seeding_sites"}
        assert tree["criteria"]["comigrations"] == min(h["comigrations"] for h in tree["histories"])
        for history in tree["histories"]:
            seen = {tuple(history["root"])}
            for source_clone, source, clone, site in history["edges"]:
                assert (source_clone, source) in seen
                seen.add((clone, site))
            migrations = [edge for edge in history["edges"] if edge[1] != edge[3]]
            assert sum(count for *_, count in history["migration_graph"]) == len(migrations)

    summary = json.loads((small_run / "summary.json").read_text())
    keys = {"patient", "n_mutations", "n_clusters", "tree", "migration_graph", "labels", "timing", "warnings"}
    assert keys <= set(summary)
    manifest = json.loads((small_run / "manifest.json").read_text())
    assert {"versions", "arguments", "seed", "inputs", "settings"} <= set(manifest)
    assert all(len(source["sha256"]) == 64 for source in manifest["inputs"] if "file" in source)

    assignments = table(small_run / "clusters/assignments.tsv")
    clusters = table(small_run / "clusters/clusters.tsv")
    assert list(clusters[0])[:6] == ["cluster", "sample", "n_mutations", "ccf", "ccf_lo", "ccf_hi"]
    assert len(assignments) == summary["n_mutations"]
    assert {row["cluster"] for row in assignments} == {row["cluster"] for row in clusters}
    for row in table(small_run / "timing/divergence.tsv"):
        assert tuple(row)[:12] == DIVERGENCE_COLUMNS


@pytest.mark.system
def test_same_seed_same_bytes(small_run, small_sheet, tmp_path):
    """Those of figures: `test_stage_chain.test_report_and_figures_are_the_same_again`."""
    assert _invoke(["run", str(small_sheet), "-o", str(tmp_path / "again"), "--no-plots", *QUICK]) == 0
    first = {name: digest for name, digest in digests(small_run).items() if not name.startswith("figures/")}
    assert digests(tmp_path / "again" / "SMALL") == first


@pytest.mark.system
def test_stage_commands_give_what_the_whole_gives(small_run, small_sheet, tmp_path):
    copy = tmp_path / "SMALL"
    counts = tmp_path / "counts.tsv"
    assert _invoke(["counts", str(small_sheet), "-o", str(counts)]) == 0
    assert counts.read_bytes() == (small_run / "input/counts.tsv").read_bytes()
    shutil.copytree(small_run, copy)
    for name in ("figures", "report.html"):
        path = copy / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert (
        _invoke(["cluster", str(counts), "--sheet", str(small_run / "input/samples.tsv"), "-o", str(tmp_path / "c")])
        == 0
    )
    whole = table(small_run / "clusters/assignments.tsv")
    alone = table(tmp_path / "c" / "clusters/assignments.tsv")  # by the reads alone: where the posterior starts
    assert [row["reads_alone"] for row in alone] == [row["reads_alone"] for row in whole]
    for command in ("tree", "migrate", "seeding", "timing"):
        assert _invoke([command, str(copy)]) == 0
    assert _invoke(["report", str(copy)]) == 0
    assert (copy / "report.html").stat().st_size > 10_000
    before = json.loads((small_run / "seeding/labels.json").read_text())["labels"]
    after = json.loads((copy / "seeding/labels.json").read_text())["labels"]
    assert after.keys() == before.keys()
    for value, probability in before["pattern"].items():
        assert after["pattern"][value] == pytest.approx(probability, abs=1e-4)


def test_tree_stage_reads_clusters_from_disk(small_run, tmp_path):
    copy = tmp_path / "SMALL"
    shutil.copytree(small_run, copy)
    shutil.rmtree(copy / "trees")
    assert _invoke(["tree", str(copy)]) == 0
    fresh = json.loads((copy / "trees/trees.json").read_text())
    whole = json.loads((small_run / "trees/trees.json").read_text())
    # the same draws; in the run, histories have weighed them
    assert {json.dumps(t["parents"]) for t in whole["trees"]} == {json.dumps(t["parents"]) for t in fresh["trees"]}


def test_saved_results_load_and_save_again(small_run, tmp_path):
    result = pm.load_result(small_run)
    assert result.patient.name == "SMALL"
    assert result.trees.best.to_networkx().number_of_nodes() == result.clusters.n_clusters
    result.save(tmp_path / "copy")
    again = pm.load_result(tmp_path / "copy")
    assert np.allclose(again.clusters.ccf, result.clusters.ccf)
    assert again.histories.migration_probability == pytest.approx(result.histories.migration_probability, abs=1e-6)
    assert again.labels.to_json()["labels"] == result.labels.to_json()["labels"]
    axes = pm.plot_clone_tree(result)
    assert axes.figure is not None


def test_every_file_and_column_is_documented(small_run):
    page = Path(__file__).resolve().parents[2] / "docs/results.md"
    if not page.is_file():
        pytest.skip("the pages are not here")
    rows, folder = {}, ""
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            folder = line[3:]
        elif line.startswith("| `"):
            names = re.findall(r"`([^`]+)`", line.split("|")[1])
            for name in names:  # a later table of the page has what another command writes by the same name
                rows.setdefault(folder + name, line)
    written = {str(path.relative_to(small_run)) for path in small_run.rglob("*") if path.is_file()}
    written = {name for name in written if not name.startswith("figures/")}
    assert written <= set(rows)
    samples = {*json.loads((small_run / "copy_number/summary.json").read_text())["samples"], "diploid"}
    for name in sorted(written):
        if name.endswith((".tsv", ".tsv.gz")) and name != "input/samples.tsv":
            opener = gzip.open if name.endswith(".gz") else open
            with opener(small_run / name, "rt") as handle:
                header = handle.readline().rstrip("\n").split("\t")
            for column in header:
                stem = re.sub(r"_(lo|hi)$", "", column)
                known = {column, stem, re.sub(r"^p_before_.*", "p_before_<event>", column)}
                assert column in samples or any(f"`{word}`" in rows[name] for word in known), (name, column)


def test_newick_files_have_the_names_of_all_clones_and_the_support_of_their_edges(small_run):
    clones = json.loads((small_run / "trees/trees.json").read_text())["clones"]
    support = {
        (f"C{row['parent']}", f"C{row['child']}"): float(row["probability"])
        for row in table(small_run / "trees/edge_support.tsv")
    }
    for name in ("best", "consensus"):
        tree = Phylo.read(small_run / f"trees/{name}.nwk", "newick")
        assert sorted(clade.name for clade in tree.find_clades()) == sorted(f"C{clone}" for clone in clones)
        for parent in tree.find_clades():
            for child in parent:
                assert float(child.comment.removeprefix("&&NHX:B=")) == pytest.approx(
                    support[parent.name, child.name], abs=1e-4
                )


def test_the_best_tree_is_a_graph_for_other_programs(small_run):
    document = json.loads((small_run / "trees/trees.json").read_text())
    parents = {child: parent for child, parent in document["trees"][0]["parents"].items() if parent is not None}
    graph = networkx.read_graphml(small_run / "trees/best.graphml")
    assert {(u, v) for u, v in graph.edges} == {(parent, child) for child, parent in parents.items()}
    assert {name: data["n_mutations"] for name, data in graph.nodes(data=True)} == pytest.approx(
        dict(zip(document["clones"], document["n_mutations"]))
    )
    dot = (small_run / "trees/best.dot").read_text()
    for child, parent in parents.items():
        assert f'"{parent}" -> "{child}" [label="{graph.edges[parent, child]["support"]:.2f}"];' in dot


def test_clone_proportions_have_intervals_and_clones_a_presence_in_every_site(small_run):
    rows = table(small_run / "trees/clone_proportions.tsv")
    totals = {}
    for row in rows:
        lower, value, upper = (float(row[f"proportion{end}"]) for end in ("_lo", "", "_hi"))
        assert 0.0 <= lower < upper <= 1.0
        assert lower - 0.02 <= value <= upper + 0.02
        totals[row["sample"]] = totals.get(row["sample"], 0.0) + value
    assert list(totals.values()) == pytest.approx([1.0] * len(totals), abs=0.02)
    document = json.loads((small_run / "trees/trees.json").read_text())
    presence = {
        (row["clone"], row["site"]): float(row["probability"]) for row in table(small_run / "trees/presence.tsv")
    }
    assert len(presence) == len(document["clones"]) * len(document["sites"])
    drawn = dict.fromkeys(presence, 0.0)
    for scenario in document["scenarios"]:
        for clone, sites in scenario["presence"].items():
            for site in sites:
                drawn[clone, site] += scenario["weight"]
    for pair, probability in presence.items():
        assert drawn[pair] == pytest.approx(probability, abs=0.12)  # 300 draws


def test_an_output_directory_with_files_is_not_touched(small_sheet, tmp_path, capsys):
    target = tmp_path / "results"
    target.mkdir()
    (target / "note.txt").write_text("mine")
    assert _invoke(["run", str(small_sheet), "-o", str(target)]) == 2
    assert str(target) in capsys.readouterr().err
    assert [path.name for path in target.iterdir()] == ["note.txt"]


@pytest.mark.system
@no_page()
def test_resume_skips_what_is_unchanged_and_makes_again_what_is_missing(tmp_path, capsys):
    sheet, output = write_bare(tmp_path / "patient"), tmp_path / "results"
    command = ["run", str(sheet), "-o", str(output), "--resume", "--no-plots", *QUICK]
    assert _invoke(command) == 0
    whole = digests(output / "B")
    assert "done in" in capsys.readouterr().err
    assert _invoke(command) == 0
    assert "unchanged" in capsys.readouterr().err
    shutil.rmtree(output / "B/trees")
    assert _invoke(command) == 0
    assert digests(output / "B") == whole
    capsys.readouterr()
    assert _invoke([*command, "--seed", "2"]) == 0
    assert "done in" in capsys.readouterr().err
    assert json.loads((output / "B/manifest.json").read_text())["seed"] == 2


@pytest.mark.parametrize("name", ["manifest.json", "summary.json"])
@pytest.mark.parametrize("text", ["[]", "{", "3", "null", "\x00"])
def test_resume_names_a_damaged_file_of_the_earlier_run(small_run, small_sheet, tmp_path, capsys, name, text):
    output = tmp_path / "results"
    shutil.copytree(small_run.parent, output)
    (output / "SMALL" / name).write_text(text)
    status = _invoke(["run", str(small_sheet), "-o", str(output), "--resume", *QUICK])
    said = capsys.readouterr().err
    assert name in said and "internal" not in said
    assert status == 3 and "JSON" in said if name == "manifest.json" else status == 2 and "changed since" in said
    assert (output / "SMALL" / name).read_text() == text


@no_page()
def test_a_cohort_goes_on_past_a_bad_patient(tmp_path, capsys):
    sheet = write_bare(tmp_path / "cohort", ("C1", "C2"))
    sheet.write_text(sheet.read_text().replace("C2\tC2_P\t", "C2\tabsent\t", 1))
    output = tmp_path / "results"
    assert _invoke(["run", str(sheet), "-o", str(output), "--no-plots", *QUICK]) == 5
    rows = {row["patient"]: row for row in table(output / "cohort.tsv")}
    assert rows["C1"]["status"] == "done"
    assert rows["C2"]["status"] == "failed"
    assert "absent" in rows["C2"]["reason"]
    assert (output / "C1/report.html").is_file()
    assert not (output / "C2").exists()
    names = ("cohort_sites", "frequencies", "site_frequencies", "routes", "associations", "phylometa_mqc")
    assert all((output / f"{name}.tsv").is_file() for name in names)
    first, second, last = capsys.readouterr().err.splitlines()[-3:]
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT[\d:]{8} level=info patient=C1 status=done seconds=\S+ number=1 of=2 warnings=\d+", first
    )
    assert "level=error patient=C2 status=failed" in second
    assert re.search(r' exit=3 reason="[^\n]*absent', second)
    assert last == f"1 of 2 patients done, 1 failed; page: {output / 'index.html'}"


@pytest.mark.system
def test_two_processes_give_the_bytes_of_one(tiny_cohort, tmp_path):
    sheet, one = tiny_cohort
    two = tmp_path / "two"
    assert _invoke(["run", str(sheet), "-o", str(two), "--no-plots", "--jobs", "2", *QUICK]) == 0
    assert digests(one) == digests(two)


def test_validate_and_its_statuses(small_sheet, tmp_path, capsys):
    assert _invoke(["validate", str(small_sheet)]) == 0
    assert "SMALL" in capsys.readouterr().out
    bad = tmp_path / "bad.tsv"
    bad.write_text("patient\tsample\tsite\tvcf\tpurity\nX\ts1\tcolon\tnone.vcf\t1.3\n")
    assert _invoke(["validate", str(bad)]) == 3
    err = capsys.readouterr().err
    assert "1.3 is outside (0, 1]" in err
    assert "none.vcf" in err


@pytest.mark.parametrize("name", ["run", "validate", "counts"])
def test_a_missing_sheet_is_invalid_input(name, tmp_path, capsys):
    target = tmp_path / "out"
    extra = [] if name == "validate" else ["-o", str(target)]
    assert _invoke([name, str(tmp_path / "none.tsv"), *extra]) == 3
    assert "none.tsv" in capsys.readouterr().err
    assert not target.exists()


def test_an_interrupt_in_an_exec_of_text_has_our_status(tmp_path):
    """`python -m` would end by the signal itself: many imports execute text, and an interrupt can meet one of them."""
    (tmp_path / "interrupted.py").write_text("""
import atexit, os, signal, time, phylometa.cli as cli
def interrupted(**options):
    exec("os.kill(os.getpid(), signal.SIGINT); time.sleep(5)", globals())
cli.cli.main = interrupted
atexit.register(print, "registered")
signal.signal(signal.SIGINT, signal.default_int_handler)
cli.main()
""")
    path = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "interrupted"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=path)
    assert done.returncode == 130, done.stderr
    assert "interrupted; nothing half-written was left" in done.stderr and "registered" in done.stdout


@pytest.mark.system
def test_an_interrupt_in_mid_run_leaves_nothing(tmp_path, small_sheet):
    target = tmp_path / "out"
    command = [sys.executable, "-m", "phylometa", "run", str(small_sheet), "-o", str(target)]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )
    time.sleep(1.2)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (0, 130), err  # 0 if the machine was faster than the signal
    if process.returncode == 130:
        assert not target.exists() or not any(target.iterdir())


def test_known_clusters_are_kept(small_run, tmp_path):
    rows = table(small_run / "input/counts.tsv")
    cluster = {row["mutation_id"]: row["cluster"] for row in table(small_run / "clusters/assignments.tsv")}
    counts = tmp_path / "counts.tsv"
    with counts.open("w", newline="") as handle:
        writer = csv.writer(handle, delimiter="\t", lineterminator="\n")
        header = list(rows[0])
        writer.writerow([*header, "cluster"])
        writer.writerows([*(row[name] for name in header), f"c{cluster[row['mutation_id']]}"] for row in rows)
    output = tmp_path / "known"
    assert _invoke(["cluster", str(counts), "--sheet", str(small_run / "input/samples.tsv"), "-o", str(output)]) == 0
    kept = {row["mutation_id"]: row["cluster"] for row in table(output / "clusters/assignments.tsv")}
    assert kept == {name: f"c{value}" for name, value in cluster.items()}


def test_clusters_of_another_program_are_kept(small_run, tmp_path):
    cluster = {row["mutation_id"]: row["cluster"] for row in table(small_run / "clusters/assignments.tsv")}
    foreign = tmp_path / "pyclone.tsv"
    header = ["mutation_id", "sample_id", "cluster_id", "cellular_prevalence", "cellular_prevalence_std"]
    rows = [[name, "S", value, "0.5", "0.01", "1.0"] for name, value in cluster.items()]
    lines = ["\t".join(row) for row in [[*header, "cluster_assignment_prob"], *rows]]
    foreign.write_text("\n".join(lines) + "\n")
    output = tmp_path / "out"
    arguments = ["cluster", str(small_run / "input/counts.tsv"), "--sheet", str(small_run / "input/samples.tsv")]
    assert _invoke([*arguments, "--clusters", str(foreign), "-o", str(output)]) == 0
    kept = {row["mutation_id"]: row["cluster"] for row in table(output / "clusters/assignments.tsv")}
    assert kept == cluster
