"""Migration histories of tiny cases by listing everything: the oracle of the seeding and migration tests."""

from collections import Counter
from itertools import combinations, product

import numpy as np

from phylometa.model.history import MigrationHistory, TreeHistories

CRITERIA = {"U": "unobserved", "M": "migrations", "C": "comigrations", "S": "seeding_sites"}


def rooted_trees(nodes, root):
    """Every tree on `nodes` rooted at `root`, as (parent, child) pairs, parents first."""
    others = [node for node in nodes if node != root]
    for parents in product(nodes, repeat=len(others)):
        parent = dict(zip(others, parents))
        if any(child == of for child, of in parent.items()):
            continue
        order, remaining = [root], set(others)
        while remaining:
            ready = sorted(child for child in remaining if parent[child] in order)
            if not ready:
                break
            order += ready
            remaining -= set(ready)
        if not remaining:
            yield [(parent[child], child) for child in order[1:]]


def refined_histories(tree, presence, primary, *, extra_nodes=0):
    """Every history in which a clone lies in its observed sites plus up to `extra_nodes` hidden copies in all."""
    n_sites = presence.shape[1]
    options = []
    for v in range(tree.n_clones):
        observed = set(np.flatnonzero(presence[v]).tolist())
        minimum = observed | {primary} if v == tree.root else observed
        of_clone = []
        starts = [minimum] if minimum else [{s} for s in range(n_sites)]
        for start in starts:
            rest = [s for s in range(n_sites) if s not in start]
            for k in range(extra_nodes + 1):
                of_clone += [frozenset(start | set(more)) for more in combinations(rest, k)]
        options.append(sorted(set(of_clone), key=sorted))
    minimum_size = sum(min(len(sites) for sites in of_clone) for of_clone in options)
    for placement in product(*options):
        if sum(len(sites) for sites in placement) > minimum_size + extra_nodes:
            continue
        within = []
        for v, sites in enumerate(placement):
            roots = [primary] if v == tree.root else sorted(sites)
            within.append([(root, links) for root in roots for links in rooted_trees(sorted(sites), root)])
        clones = [v for v in tree.preorder if v != tree.root]
        entries = [sorted(placement[tree.parents[v]]) for v in clones]
        for shapes in product(*within):
            for sources in product(*entries):
                entered_from = dict(zip(clones, sources))
                edges = []
                for v in tree.preorder:
                    root, links = shapes[v]
                    if v in entered_from:
                        edges.append((int(tree.parents[v]), entered_from[v], v, root))
                    edges += [(v, s, v, t) for s, t in links]
                yield edges


def plain_histories(tree, presence, primary):
    """Every plain vertex labelling with one pendant leaf for each observed site of a clone.

    A leaf clone with one observed site is that leaf itself.
    """
    clones = [v for v in range(tree.n_clones) if v != tree.root]
    choices = [
        np.flatnonzero(presence[v]) if not tree.children[v] and presence[v].sum() == 1 else range(presence.shape[1])
        for v in clones
    ]
    for labelling in product(*choices):
        site = {tree.root: primary, **dict(zip(clones, labelling))}
        edges = []
        for v in tree.preorder:
            if v != tree.root:
                edges.append((int(tree.parents[v]), site[int(tree.parents[v])], v, site[v]))
            edges += [(v, site[v], v, t) for t in np.flatnonzero(presence[v]).tolist() if t != site[v]]
        yield edges


def score(tree, presence, primary, edges):
    """Unobserved nodes, migrations, comigrations and seeding sites of a history."""
    nodes = [(tree.root, primary)] + [(v, t) for _, _, v, t in edges]
    paths = {nodes[0]: Counter()}
    most = Counter()
    for u, s, v, t in edges:
        paths[v, t] = paths[u, s].copy()
        if s != t:
            paths[v, t][s, t] += 1
            most[s, t] = max(most[s, t], paths[v, t][s, t])
    migrations = [(s, t) for _, s, _, t in edges if s != t]
    return {
        "unobserved": sum(not presence[node] for node in nodes),
        "migrations": len(migrations),
        "comigrations": sum(most.values()),
        "seeding_sites": len({s for s, _ in migrations}),
    }


def infer_by_brute_force(tree, presence, *, primary, settings, model="refined", **options):
    """`phylometa.migration.infer_migration_histories` by exhaustion (no hidden copies: U comes first).

    Other options are ignored, and no near-optimal histories are listed.
    """
    listing = plain_histories if model == "machina" else refined_histories
    scored = [(score(tree, presence, primary, edges), edges) for edges in listing(tree, presence, primary)]
    names = [CRITERIA[letter] for letter in settings.criteria]
    best = min(tuple(counts[name] for name in names) for counts, _ in scored)
    optimal = [(counts, edges) for counts, edges in scored if tuple(counts[name] for name in names) == best]
    if settings.weights == "uniform":
        weights = np.ones(len(optimal))
    else:
        cost = [
            settings.comigration_weight * counts["comigrations"]
            + settings.seeding_site_weight * counts["seeding_sites"]
            for counts, _ in optimal
        ]
        weights = np.exp(-(np.array(cost) - min(cost)))
    weights /= weights.sum()
    histories = tuple(
        MigrationHistory(
            (tree.root, primary),
            np.array(edges).reshape(-1, 4),
            float(weight),
            counts["unobserved"],
            counts["comigrations"],
            counts["comigrations"],
            counts["seeding_sites"],
        )
        for weight, (counts, edges) in zip(weights, optimal)
    )
    least = {name: min(counts[name] for counts, _ in optimal) for name in CRITERIA.values()}
    return TreeHistories(0, 1.0, presence, least, len(optimal), True, histories)
