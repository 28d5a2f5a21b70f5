"""Clusterings made elsewhere: PyClone, PyClone-VI, CONIPHER, Pairtree, or any table of mutation and cluster."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from phylometa.errors import InputError
from phylometa.io.files import is_missing
from phylometa.io.pairtree import read_pairtree_params
from phylometa.io.problems import ProblemList
from phylometa.io.table_reader import TableReader

__all__ = ["clusters_of_mutations", "read_clustering"]

# Other programs' names of the two columns (lower case).
_ALIASES = {
    "mutation": "mutation_id",
    "mut_id": "mutation_id",
    "mutationid": "mutation_id",
    "cluster_id": "cluster",
    "clusterid": "cluster",
    "cluster_number": "cluster",
    "chrom": "chr",
    "chromosome": "chr",
    "position": "pos",
    "start": "pos",
}
_LOCUS_COLUMNS = ("chr", "pos", "ref", "alt")
# Clusters listed in a message.
_LISTED = 5


def read_clustering(path: str | Path) -> dict[str, str]:
    """Read the cluster of every mutation from a file that another program wrote.

    Parameters
    ----------
    path : str or Path
        A table with a column of mutations (``mutation_id``; or ``CHR POS REF ALT``, CONIPHER) and one of clusters
        (``cluster``, ``cluster_id``, ``CLUSTER``), any number of rows per mutation (one per sample in PyClone-VI and
        CONIPHER); or Pairtree's ``.params.json``, whose clusters are named 1, 2, ... in their order.

    Returns
    -------
    dict of mutation identifier to cluster name
        Mutations without a cluster (missing values, Pairtree's garbage) get ''.

    Raises
    ------
    InputError
        If a column is missing, a mutation lies in two clusters, or nothing was found.
    """
    path = Path(path)
    if path.suffix == ".json":
        return _from_pairtree(path)
    table = TableReader(path, str(path), aliases=_ALIASES)
    by_locus = "mutation_id" not in table and all(name in table for name in _LOCUS_COLUMNS)
    table.require(["cluster"] if by_locus else ["mutation_id", "cluster"])
    identifier = table.indices(_LOCUS_COLUMNS if by_locus else ["mutation_id"])
    column = table.index("cluster")
    found: dict[str, str] = {}
    problems = ProblemList(str(path))
    for line, row in table:
        name = ":".join(row[i].strip() for i in identifier)
        cluster = "" if is_missing(row[column]) else row[column].strip()
        before = found.setdefault(name, cluster)
        if before != cluster:
            problems.add(f"{name} is in clusters {before or 'NA'} and {cluster or 'NA'}", row=line, column="cluster")
    problems.check()
    if not any(found.values()):
        raise InputError("holds no mutation with a cluster", file=str(path))
    return found


def clusters_of_mutations(
    clustering: dict[str, str], mutation_ids: Sequence[str], *, file: str = ""
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Put the clustering in the order of a patient's mutations; return also what did not match.

    Parameters
    ----------
    clustering : dict of mutation identifier to cluster name
    mutation_ids : sequence of str, length n
    file : str
        Name of the file, for messages.

    Returns
    -------
    names : tuple of str, length n
        '' if the clustering does not have the mutation.
    warnings : tuple of str
        Mutations of either side that the other lacks.

    Raises
    ------
    InputError
        If no mutation matches: the identifiers are written differently.
    """
    # The same locus may be written with or without "chr".
    short = {_without_chr(name): cluster for name, cluster in clustering.items()}
    names = tuple(clustering.get(name, short.get(_without_chr(name), "")) for name in mutation_ids)
    if not any(names):
        first = next(iter(clustering), "none")
        own = mutation_ids[0] if mutation_ids else "none"
        raise InputError(f"no mutation of the patient is in the clustering (there: {first}; patient: {own})", file=file)
    warnings = []
    without = [name for name, cluster in zip(mutation_ids, names) if not cluster]
    if without:
        warnings.append(
            f"{len(without)} mutations have no cluster in {file or 'the clustering'} and were put into the most "
            f"probable one: {_listed(without)}"
        )
    known = {_without_chr(name) for name in mutation_ids}
    extra = [name for name in clustering if _without_chr(name) not in known]
    if extra:
        warnings.append(
            f"{len(extra)} mutations of {file or 'the clustering'} are not in the patient: {_listed(extra)}"
        )
    return names, tuple(warnings)


def _from_pairtree(path: Path) -> dict[str, str]:
    params = read_pairtree_params(path)
    problems = ProblemList(str(path))
    found: dict[str, str] = {}
    groups = [(str(k), members) for k, members in enumerate(params["clusters"], start=1)]
    for cluster, members in [*groups, ("", params["garbage"])]:
        for name in members:
            if name in found:
                problems.add(f"{name} is in clusters {found[name] or 'garbage'} and {cluster or 'garbage'}")
            found[name] = cluster
    problems.check()
    if not any(found.values()):
        raise InputError("holds no mutation with a cluster", file=str(path))
    return found


def _without_chr(name: str) -> str:
    return name[3:] if name.lower().startswith("chr") else name


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
