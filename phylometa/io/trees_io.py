"""Clone trees whose clones are located in sites: files of MACHINA, MACH2, Metient and jellyfish.

An edge list (``parent child`` a line) is common to MACHINA, MACH2 and Metient. MACHINA labels leaves with one site each
and hangs a leaf on a clone for every site it was seen in; MACH2 lists the sites of every clone; Metient has a table of
0 and 1; jellyfish three tables with clone proportions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from phylometa.errors import InputError
from phylometa.io.files import open_text, parse_number
from phylometa.io.problems import ProblemList
from phylometa.io.table_reader import TableReader
from phylometa.io.tsv import write_tsv
from phylometa.model.arrays import BoolArray, FloatArray, freeze_array
from phylometa.model.clone_tree import CloneTree

__all__ = [
    "LocatedTree",
    "contract_pendant_leaves",
    "pendant_leaves",
    "read_jellyfish",
    "read_metient",
    "read_tree_with_sites",
    "write_jellyfish",
    "write_mach2",
    "write_machina",
    "write_metient",
]

# A blank line, or one that starts with #, is passed over in edge lists and labellings.
COMMENT = "#"


@dataclass(frozen=True, eq=False)
class LocatedTree:
    """A clone tree and the sites in which its clones exist.

    Parameters
    ----------
    tree : CloneTree
    site_names : sequence of str
    presence : bool array (K, n_sites)
        Sites in which a clone exists as its own population.
    primaries : tuple of str
        Sites the file marks as primary; empty if it does not say.
    proportions : float64 array (K, n_sites), optional
        Share of each clone in each site; NaN if only presence is known.
    """

    tree: CloneTree
    site_names: tuple[str, ...]
    presence: BoolArray
    primaries: tuple[str, ...] = ()
    proportions: FloatArray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "site_names", tuple(self.site_names))
        object.__setattr__(self, "primaries", tuple(self.primaries))
        freeze_array(self, "presence", np.bool_, (self.tree.n_clones, len(self.site_names)))
        if self.proportions is not None:
            freeze_array(self, "proportions", np.float64, self.presence.shape)

    def with_site(self, site: str) -> LocatedTree:
        """The same with `site` among its sites, in which no clone was seen if it is new."""
        if site in self.site_names:
            return self
        column = np.zeros((self.tree.n_clones, 1), dtype=bool)
        return LocatedTree(self.tree, (*self.site_names, site), np.hstack([self.presence, column]), self.primaries)


def read_tree_with_sites(tree: str | Path, labeling: str | Path, *, contract: bool | None = None) -> LocatedTree:
    """Read a tree as an edge list with the sites of its leaves (MACHINA) or clones (MACH2).

    Parameters
    ----------
    tree : path
        ``parent child`` a line, separated by blanks.
    labeling : path
        ``leaf site`` (MACHINA) or ``clone site [site...]`` (MACH2) a line.
    contract : bool, optional
        Whether MACHINA's pendant leaves become sites of their clone, as the refined model needs them. By default
        if only leaves are labelled, one site each, and one is named after its clone; see `pendant_leaves`.

    Returns
    -------
    LocatedTree
        Sites in alphabetical order.

    Raises
    ------
    InputError
        With every problem of the file: a vertex with two parents or none, a cycle, an unknown clone, a line too short.
    """
    edges = _read_edges(Path(tree))
    clone_tree = _tree_from_edges(edges, str(tree))
    sites_of = _read_labeling(Path(labeling), clone_tree, str(tree))
    located = _located(clone_tree, sites_of)
    pendant = pendant_leaves(located)
    if contract is None:
        # MACHINA labels leaves only, one site each.
        n_sites = located.presence.sum(axis=1)
        contract = bool(pendant) and not any(n > (not children) for n, children in zip(n_sites, clone_tree.children))
    return contract_pendant_leaves(located) if contract else located


def pendant_leaves(located: LocatedTree) -> tuple[int, ...]:
    """Find leaves that stand for their parent in one site: named ``<clone><digits>`` or ``<anything>_<site>``.

    Examples
    --------
    >>> tree = CloneTree.from_edges([("A", "A1"), ("A", "B1")])
    >>> pendant_leaves(LocatedTree(tree, ("x", "y"), np.array([[0, 0], [1, 0], [0, 1]])))
    (1,)
    """
    tree = located.tree
    found = []
    for v in range(tree.n_clones):
        sites = np.flatnonzero(located.presence[v])
        if tree.children[v] or tree.parents[v] < 0 or len(sites) != 1:
            continue
        parent = tree.names[tree.parents[v]]
        by_number = re.fullmatch(re.escape(parent) + r"_?\d+", tree.names[v])
        if by_number or tree.names[v].endswith(f"_{located.site_names[sites[0]]}"):
            found.append(v)
    return tuple(found)


def contract_pendant_leaves(located: LocatedTree) -> LocatedTree:
    """Return the tree without its pendant leaves, whose sites become their clone's."""
    tree, presence = located.tree, located.presence.copy()
    pendant = set(pendant_leaves(located))
    for v in pendant:
        presence[tree.parents[v]] |= presence[v]
    kept = [v for v in range(tree.n_clones) if v not in pendant]
    rank = {v: i for i, v in enumerate(kept)}
    parents = np.array([rank.get(int(tree.parents[v]), -1) for v in kept])
    smaller = CloneTree(tuple(tree.names[v] for v in kept), parents, tree.n_mutations[kept])
    return LocatedTree(smaller, located.site_names, presence[kept], located.primaries)


def write_machina(located: LocatedTree, tree: str | Path, labeling: str | Path) -> None:
    """Write MACHINA's edge list and leaf labelling: a leaf ``clone_site`` hangs on every clone per site of it."""
    names = located.tree.names
    edges = [(names[u], names[v]) for u, v in located.tree.edges()]
    labels = []
    for v, name in enumerate(names):
        for s in np.flatnonzero(located.presence[v]):
            leaf = f"{name}_{located.site_names[s]}"
            edges.append((name, leaf))
            labels.append((leaf, located.site_names[s]))
    _write_lines(tree, edges, " ")
    _write_lines(labeling, labels, " ")


def write_mach2(located: LocatedTree, tree: str | Path, labeling: str | Path) -> None:
    """Write MACH2's edge list and observed labelling: the sites of every clone that has any."""
    names = located.tree.names
    _write_lines(tree, [(names[u], names[v]) for u, v in located.tree.edges()], "\t")
    rows = []
    for name, row in zip(names, located.presence):
        if row.any():
            rows.append((name, *(located.site_names[s] for s in np.flatnonzero(row))))
    _write_lines(labeling, rows, "\t")


METIENT_COLUMNS = (
    "anatomical_site_index",
    "anatomical_site_label",
    "cluster_index",
    "cluster_label",
    "present",
    "site_category",
    "num_mutations",
)


def read_metient(table: str | Path, tree: str | Path) -> LocatedTree:
    """Read Metient's table of clones by site (``present`` 0 or 1) and its edge list of cluster indices.

    Clones keep their order by index and are named by ``cluster_label``; sites keep their order by index.

    Raises
    ------
    InputError
        Every row that cannot be used, or an edge of a cluster that the table lacks.
    """
    display = str(table)
    reader = TableReader(Path(table), display)
    reader.require(METIENT_COLUMNS[:6])
    problems = ProblemList(display)
    where = dict(zip(METIENT_COLUMNS, reader.indices(METIENT_COLUMNS)))
    sites: dict[int, str] = {}
    clones: dict[int, str] = {}
    n_mutations: dict[str, float] = {}
    present: set[tuple[int, int]] = set()
    primaries: dict[int, None] = {}
    for row, cells in reader:
        value = {name: cells[i] for name, i in where.items() if i >= 0}
        if not (value["anatomical_site_index"].isdigit() and value["cluster_index"].isdigit()):
            problems.add("anatomical_site_index and cluster_index are not whole numbers", row=row)
            continue
        if value["present"] not in ("0", "1"):
            problems.add(f"{value['present']!r} is neither 0 nor 1", row=row, column="present")
            continue
        site, clone = int(value["anatomical_site_index"]), int(value["cluster_index"])
        if sites.setdefault(site, value["anatomical_site_label"]) != value["anatomical_site_label"]:
            problems.add(f"site {site} has two names", row=row, column="anatomical_site_label")
        if clones.setdefault(clone, value["cluster_label"]) != value["cluster_label"]:
            problems.add(f"cluster {clone} has two names", row=row, column="cluster_label")
        if value["present"] == "1":
            present.add((clone, site))
        if value["site_category"] == "primary":
            primaries[site] = None
        count = parse_number(value.get("num_mutations", ""))
        if count is not None:
            n_mutations[value["cluster_label"]] = count
    if len(set(clones.values())) != len(clones):
        problems.add("two clusters have one name", column="cluster_label")
    problems.check()
    named = []
    for row, (parent, child) in _read_edges(Path(tree)):
        unknown = [end for end in (parent, child) if not end.isdigit() or int(end) not in clones]
        if unknown:
            raise InputError(f"cluster {unknown[0]} is not in {display}", file=str(tree), row=row)
        named.append((row, (clones[int(parent)], clones[int(child)])))
    alone = clones[min(clones)] if len(clones) == 1 else None
    clone_tree = _tree_from_edges(named, str(tree), root=alone, n_mutations=n_mutations or None)
    index = {name: number for number, name in clones.items()}
    order = sorted(sites)
    presence = np.array(
        [[(index[name], site) in present for site in order] for name in clone_tree.names], dtype=bool
    ).reshape(clone_tree.n_clones, len(order))
    return LocatedTree(
        clone_tree, tuple(sites[s] for s in order), presence, tuple(sites[s] for s in order if s in primaries)
    )


def write_metient(located: LocatedTree, table: str | Path, tree: str | Path, *, primary: str) -> None:
    """Write Metient's table and edge list; `primary` is the site of category ``primary``."""
    rows = []
    for s, site in enumerate(located.site_names):
        category = "primary" if site == primary else "metastasis"
        for v, name in enumerate(located.tree.names):
            n_mutations = float(located.tree.n_mutations[v])
            rows.append((s, site, v, name, int(located.presence[v, s]), category, n_mutations))
    write_tsv(table, METIENT_COLUMNS, rows)
    _write_lines(tree, [(str(u), str(v)) for u, v in located.tree.edges()], " ")


def read_jellyfish(directory: str | Path, *, patient: str | None = None) -> LocatedTree:
    """Read Jellyfish's ``samples.tsv``, ``phylogeny.tsv``, ``compositions.tsv``; every sample is a site of its own.

    Parameters
    ----------
    directory : path
    patient : str, optional
        Which patient, if the tables hold several.

    Raises
    ------
    InputError
        No such patient, a subclone or sample that another table lacks, a prevalence that is no number in [0, 1].
    """
    directory = Path(directory)
    tables = {name: _jellyfish_rows(directory / f"{name}.tsv", patient) for name in ("phylogeny", "compositions")}
    samples = _jellyfish_rows(directory / "samples.tsv", patient)
    edges = []
    n_mutations = {}
    roots = []
    for row, value in tables["phylogeny"]:
        child, parent = value["subclone"], value.get("parent", "")
        n_mutations[child] = parse_number(value.get("branchlength", "")) or 0.0
        if parent in ("", "-1", "NA"):
            roots.append(child)
        else:
            edges.append((row, (parent, child)))
    alone = roots[0] if roots else None
    tree = _tree_from_edges(edges, str(directory / "phylogeny.tsv"), root=alone, n_mutations=n_mutations)
    names = [value["sample"] for _, value in samples]
    proportions = np.zeros((tree.n_clones, len(names)))
    problems = ProblemList(str(directory / "compositions.tsv"))
    for row, value in tables["compositions"]:
        share = parse_number(value["clonalprevalence"])
        if share is None or not 0 <= share <= 1:
            problems.add(f"{value['clonalprevalence']!r} is outside [0, 1]", row=row, column="clonalPrevalence")
        elif value["subclone"] not in tree.names:
            problems.add(f"subclone {value['subclone']!r} is not in phylogeny.tsv", row=row, column="subclone")
        elif value["sample"] not in names:
            problems.add(f"sample {value['sample']!r} is not in samples.tsv", row=row, column="sample")
        else:
            proportions[tree.names.index(value["subclone"]), names.index(value["sample"])] = share
    problems.check()
    return LocatedTree(tree, tuple(names), proportions > 0, proportions=proportions)


def write_jellyfish(
    located: LocatedTree,
    directory: str | Path,
    *,
    patient: str = "patient",
    parents: Mapping[str, str] | None = None,
    ranks: Mapping[str, int] | None = None,
    colours: Mapping[str, str] | None = None,
) -> None:
    """Write Jellyfish's three tables; without proportions the clones of a site share it equally.

    Parameters
    ----------
    located : LocatedTree
        Its sites are jellyfish's samples.
    directory : path
        Made if it is not there.
    patient : str
    parents, ranks : mapping, optional
        Sample -> the sample that it is drawn below ('': the root), and its column from 1 on.
    colours : mapping, optional
        Clone -> ``#rrggbb``.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    tree = located.tree
    names = located.site_names
    if located.proportions is not None:
        shares = np.nan_to_num(located.proportions)
    else:
        shares = located.presence / np.maximum(located.presence.sum(axis=0), 1)
    write_tsv(
        directory / "samples.tsv",
        ("sample", "displayName", "rank", "parent", "patient"),
        [(name, name, (ranks or {}).get(name, 1), (parents or {}).get(name, ""), patient) for name in names],
    )
    write_tsv(
        directory / "phylogeny.tsv",
        ("subclone", "parent", *(("color",) if colours else ()), "branchLength", "patient"),
        [
            (
                tree.names[v],
                tree.names[tree.parents[v]] if tree.parents[v] >= 0 else "",
                *((colours[tree.names[v]],) if colours else ()),
                tree.n_mutations[v],
                patient,
            )
            for v in tree.preorder
        ],
    )
    write_tsv(
        directory / "compositions.tsv",
        ("sample", "subclone", "clonalPrevalence", "patient"),
        [
            (name, tree.names[v], float(shares[v, s]), patient)
            for s, name in enumerate(names)
            for v in range(tree.n_clones)
            if shares[v, s] > 0
        ],
    )


def _jellyfish_rows(path: Path, patient: str | None) -> list[tuple[int, dict[str, str]]]:
    """Rows of one table as dictionaries (lower-case column names) with their line numbers, of one patient."""
    reader = TableReader(path, str(path))
    needed = {"samples": ("sample",), "phylogeny": ("subclone", "parent")}.get(
        path.stem, ("sample", "subclone", "clonalprevalence")
    )
    reader.require(needed)
    rows = []
    for row, cells in reader:
        rows.append((row, {name: cells[i] for i, name in enumerate(reader.header) if i < len(cells)}))
    patients = sorted({value["patient"] for _, value in rows if "patient" in value})
    if patient is None and len(patients) > 1:
        raise InputError(
            f"holds the patients {', '.join(patients)}; choose one (--patient)", file=str(path), column="patient"
        )
    if patient is not None and patients and patient not in patients:
        raise InputError(f"patient {patient!r} is not in the table", file=str(path), column="patient")
    return [(row, value) for row, value in rows if patient is None or value.get("patient", patient) == patient]


def _read_edges(path: Path) -> list[tuple[int, tuple[str, str]]]:
    """(line, (parent, child)) of an edge list."""
    problems = ProblemList(str(path))
    edges = []
    for row, fields in _fields(path):
        if len(fields) != 2:
            problems.add(f"{len(fields)} names, expected a parent and a child", row=row)
        else:
            edges.append((row, (fields[0], fields[1])))
    if not edges and not problems:
        problems.add("holds no edge")
    problems.check()
    return edges


def _tree_from_edges(
    edges: Sequence[tuple[int, tuple[str, str]]],
    display: str,
    *,
    root: str | None = None,
    n_mutations: Mapping[str, float] | None = None,
) -> CloneTree:
    problems = ProblemList(display)
    parent_of: dict[str, str] = {}
    for row, (parent, child) in edges:
        if child in parent_of:
            problems.add(f"clone {child!r} has two parents, {parent_of[child]!r} and {parent!r}", row=row)
        parent_of.setdefault(child, parent)
    names = dict.fromkeys(name for _, pair in edges for name in pair)
    tops = [name for name in names if name not in parent_of]
    if edges and len(tops) != 1:
        problems.add(f"{len(tops)} clones have no parent ({', '.join(tops[:5])}), expected one" if tops else "a cycle")
    problems.check()
    try:
        return CloneTree.from_edges([pair for _, pair in edges], root=root, n_mutations=n_mutations)
    except ValueError as error:
        raise InputError(str(error), file=display) from None


def _read_labeling(path: Path, tree: CloneTree, tree_display: str) -> dict[str, list[str]]:
    """Sites of every labelled vertex."""
    problems = ProblemList(str(path))
    sites_of: dict[str, list[str]] = {}
    for row, fields in _fields(path):
        name, sites = fields[0], fields[1:]
        if not sites:
            problems.add(f"{name!r} has no site", row=row)
        elif name not in tree.names:
            problems.add(f"{name!r} is not a vertex of {tree_display}", row=row)
        else:
            sites_of.setdefault(name, []).extend(sites)
    if not sites_of and not problems:
        problems.add("labels no vertex")
    problems.check()
    return sites_of


def _fields(path: Path) -> list[tuple[int, list[str]]]:
    """Line numbers and fields of a file without header; tab-separated if it has tabs, else by blanks."""
    found = []
    for row, line in enumerate(open_text(path, str(path)), start=1):
        text = line.strip()
        if text and not text.startswith(COMMENT):
            fields = [field.strip() for field in text.split("\t")] if "\t" in text else text.split()
            found.append((row, [field for field in fields if field]))
    return found


def _located(tree: CloneTree, sites_of: Mapping[str, Sequence[str]]) -> LocatedTree:
    names = tuple(sorted({site for sites in sites_of.values() for site in sites}))
    presence = np.array([[site in sites_of.get(v, ()) for site in names] for v in tree.names], dtype=bool)
    return LocatedTree(tree, names, presence)


def _write_lines(path: str | Path, rows: Sequence[Sequence[str]], separator: str) -> None:
    odd = sorted({cell for row in rows for cell in row if not cell or any(mark.isspace() for mark in cell)})
    if odd:
        names = ", ".join(repr(cell) for cell in odd[:10])
        raise InputError(
            f"{names}: blanks separate the columns of this format, so a name may have none; rename in the input",
            file=Path(path).name,
        )
    text = "".join(separator.join(row) + "\n" for row in rows)
    Path(path).write_text(text, encoding="utf-8")
