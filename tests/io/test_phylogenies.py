"""Newick, NHX, NEXUS and BEAST trees; sites of leaves; names of sites."""

import csv

import numpy as np
import pytest

from phylometa.cli import _invoke
from phylometa.errors import InputError
from phylometa.io.phylogenies import is_phylogeny, match_site, read_leaf_sites, read_phylogenies

NEXUS = """#NEXUS
Begin taxa; end;
Begin trees;
 Translate 1 A, 2 'B x', 3 C ;
tree STATE_0 [&lnP=-1.0] = [&R] ((1[&location="liver",rate=1.0]:1.0,2[&location="bone"]:1):0.1,3[&location="P"]:2);
tree STATE_1 = [&R] (1[&location="liver"]:1,(2[&location="bone"]:1,3[&location="P"]:2):1);
End;
"""


def written(tmp_path, text, name="tree.nwk"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_newick_with_quotes_lengths_supports_and_several_trees(tmp_path):
    path = written(tmp_path, "((A:1,B:2)95:.5,('C d':1,D)x);\n(A,(B,C));")
    first, second = read_phylogenies(path)
    assert is_phylogeny(path)
    assert [first.names[v] for v in np.flatnonzero(first.is_leaf)] == ["A", "B", "C d", "D"]
    assert first.lengths[first.names.index("B")] == 2.0 and np.isnan(first.lengths[first.names.index("D")])
    assert len(second.names) == 5 and second.parents[second.names.index("A")] == 0


def test_sites_in_nhx_and_beast_annotations(tmp_path):
    (tree,) = read_phylogenies(written(tmp_path, "((A:1[&&NHX:S=liver],B:2[&&NHX:S=bone]),C[&&NHX:S=P]);"))
    assert dict(zip(tree.names, tree.sites)) == {"n1": "", "n2": "", "A": "liver", "B": "bone", "C": "P"}
    trees = read_phylogenies(written(tmp_path, NEXUS, "posterior.trees"))
    assert len(trees) == 2
    assert dict(zip(trees[0].names, trees[0].sites))["B x"] == "bone"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("((A,B);", "missing"),
        ("(A,B));", "too many"),
        ("(A,A);", "same name: A"),
        ("(A,);", "without a name"),
        ("(A:x,B);", "branch length 'x'"),
        ("#NEXUS\nbegin taxa; end;", "no TREES block"),
    ],
)
def test_malformed_trees_are_named(tmp_path, text, told):
    with pytest.raises(InputError, match=told):
        read_phylogenies(written(tmp_path, text))


def test_leaf_tables(tmp_path):
    assert read_leaf_sites(written(tmp_path, "leaf\tsite\nA\tliver\nB\tlymph node\n")) == {
        "A": "liver",
        "B": "lymph node",
    }
    with pytest.raises(InputError, match="two sites"):
        read_leaf_sites(written(tmp_path, "A\tliver\nA\tbone\n"))
    with pytest.raises(InputError, match="expected leaf and site"):
        read_leaf_sites(written(tmp_path, "A\n"))


def test_names_of_sites_are_matched_or_refused():
    sites = ["prostate", "bone", "lymph_node"]
    assert match_site("bone", sites) == ("bone", "")
    assert match_site("Prostate", sites)[0] == "prostate"
    assert match_site("Lymph node", sites)[0] == "lymph_node"
    with pytest.raises(InputError, match="prostate"):
        match_site("prostat", sites)
    assert "not sampled" in match_site("kidney", sites)[1]


def test_the_last_block_of_a_stopped_chain_is_read(tmp_path):
    text = "#NEXUS\nBegin taxa;\nEnd;\nBegin trees;\nTranslate\n 1 a, 2 b\n;\n"
    text += 'tree STATE_0 = (1[&location="L"]:1,2[&location="M"]:1)[&location="L"]:0;\n'
    path = tmp_path / "open.trees"
    path.write_text(text + 'tree STATE_1 = (2[&location="M"]:1,1[&location="L"]:1)[&location="L"]:0;')
    first, second = read_phylogenies(path)
    assert first.names[1:] == ("a", "b") and second.sites[1:] == ("M", "L")


def test_migrate_reads_phylogenies(tmp_path, capsys):
    tree = written(tmp_path, "(((A,B),(C,D)),(E,F));")
    table = written(tmp_path, "".join(f"{x}\t{s}\n" for x, s in zip("ABCDEF", "MMMPPP")), "sites.tsv")
    assert _invoke(["migrate", str(tree), "--sites", str(table), "--primary", "p", "-o", str(tmp_path / "out")]) == 0
    assert "taken as P" in capsys.readouterr().err
    with open(tmp_path / "out" / "seeding" / "routes.tsv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert (rows[0]["source"], rows[0]["target"], rows[0]["probability"]) == ("P", "M", "1")
    assert "P to M: 100 %" in (tmp_path / "out/seeding/routes.svg").read_text(encoding="utf-8")
    missing = written(tmp_path, "A\tM\n", "few.tsv")
    assert _invoke(["migrate", str(tree), "--sites", str(missing), "--primary", "P", "-o", str(tmp_path / "x")]) == 3


def test_migrate_refuses_a_primary_that_resembles_a_site(tmp_path, capsys):
    tree = written(tmp_path, "R A\nR B\n", "t.tree")
    labels = written(tmp_path, "A prostate\nB bone\n", "t.labeling")
    arguments = ["migrate", str(tree), str(labels), "-o", str(tmp_path / "out"), "--primary"]
    assert _invoke([*arguments, "prostat"]) == 3
    assert _invoke([*arguments, "Prostate"]) == 0
    assert "taken as prostate" in capsys.readouterr().err
    migrations = (tmp_path / "out" / "seeding" / "migrations.tsv").read_text()
    assert "Prostate" not in migrations
