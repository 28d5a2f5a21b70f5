"""Brute force over every migration history of a small clone tree: the oracle of the migration tests and benchmark.

Written for obviousness, without anything of the package: every site set of every clone, every parent assignment
within it, every departing node, every entering site.
"""

from __future__ import annotations

from itertools import combinations, product


def site_trees(sites, entry):
    """All spanning trees of `sites` away from `entry`, as tuples of (source, target)."""
    others = [s for s in sites if s != entry]
    found = []
    for choice in product(sites, repeat=len(others)):
        parent = dict(zip(others, choice))
        rooted = True
        for s in others:
            steps, at = 0, s
            while at != entry and steps <= len(sites):
                at, steps = parent[at], steps + 1
            rooted = rooted and at == entry
        if rooted:
            found.append(tuple(sorted((p, s) for s, p in parent.items())))
    return found


def all_histories(parents, observed, n_sites, primary, max_unobserved=10**9):
    """Every history as (frozenset of edges, root node); clones are numbered parents first."""
    clones = range(len(parents))
    per_clone = []
    for v in clones:
        options = []
        for size in range(1, n_sites + 1):
            for sites in combinations(range(n_sites), size):
                if set(observed[v]) <= set(sites):
                    for entry in sites:
                        if parents[v] >= 0 or entry == primary:
                            options += [(sites, entry, tree) for tree in site_trees(sites, entry)]
        per_clone.append(options)

    def extend(v, chosen, edges, unobserved):
        if v == len(parents):
            yield frozenset(edges)
            return
        for sites, entry, tree in per_clone[v]:
            total = unobserved + len(set(sites) - set(observed[v]))
            if total > max_unobserved:
                continue
            within = [(v, s, v, t) for s, t in tree]
            if parents[v] < 0:
                yield from extend(v + 1, [*chosen, sites], [*edges, *within], total)
            else:
                for source in chosen[parents[v]]:
                    entering = (parents[v], source, v, entry)
                    yield from extend(v + 1, [*chosen, sites], [*edges, entering, *within], total)

    return extend(0, [], [], 0)


def path_multiplicities(edges, root):
    """For every ordered pair of sites the most migrations on one root-to-leaf path."""
    below = {}
    for u, s, v, t in edges:
        below.setdefault((u, s), []).append((v, t))
    most = {}

    def walk(node, counts):
        for child in below.get(node, []):
            following = dict(counts)
            if child[1] != node[1]:
                pair = node[1], child[1]
                following[pair] = following.get(pair, 0) + 1
                most[pair] = max(most.get(pair, 0), following[pair])
            walk(child, following)

    walk(root, {})
    return most


def path_maxima(edges, root):
    """The sum of `path_multiplicities`; where no pair of sites occurs twice, that is the number of migrations."""
    moves = [(s, t) for _, s, _, t in edges if s != t]
    return len(moves) if len(set(moves)) == len(moves) else sum(path_multiplicities(edges, root).values())


def criteria(edges, root, observed, letters="UMCS"):
    """Values of U, M, C, S, or of the `letters` among them."""
    value_of = {
        "U": lambda: sum(s not in observed[v] for v, s in {root} | {(v, t) for _, _, v, t in edges}),
        "M": lambda: sum(s != t for _, s, _, t in edges),
        "C": lambda: path_maxima(edges, root),
        "S": lambda: len({s for _, s, _, t in edges if s != t}),
    }
    return {letter: value_of[letter]() for letter in letters}


def pattern(edges):
    """Pattern of the migration graph, a cycle being a site that reaches itself."""
    pairs = {(s, t) for _, s, _, t in edges if s != t}
    if not pairs:
        return "none"
    closure = set(pairs)
    while True:
        more = {(a, d) for a, b in closure for c, d in closure if b == c} - closure
        if not more:
            break
        closure |= more
    if len({s for s, _ in pairs}) == 1:
        return "PS"
    if any(a == b for a, b in closure):
        return "R"
    return "M" if len({t for _, t in pairs}) < len(pairs) else "S"


def optima(parents, observed, n_sites, primary, order, within=None, allowed=None):
    """Least values of the criteria `order` and the set of histories that reach them."""
    patterns = ("none", "PS", "S", "M", "R")
    root = (0, primary)
    best, found = None, set()
    for edges in all_histories(parents, observed, n_sites, primary):
        if within is not None and patterns.index(pattern(edges)) > patterns.index(within):
            continue
        if allowed is not None and any(s != t and (s, t) not in allowed for _, s, _, t in edges):
            continue
        key = tuple(criteria(edges, root, observed, order).values())
        if best is None or key < best:
            best, found = key, set()
        if key == best:
            found.add(edges)
    return best, found


def random_instance(rng, shapes=((2, 2), (2, 3), (3, 2), (3, 3), (4, 2), (2, 4), (5, 2))):
    """(parents, observed, n_sites, primary) of a random small instance."""
    n_clones, n_sites = shapes[int(rng.integers(len(shapes)))]
    parents = [-1] + [int(rng.integers(v)) for v in range(1, n_clones)]
    share = float(rng.choice([0.2, 0.4, 0.7]))
    observed = [tuple(s for s in range(n_sites) if rng.random() < share) for _ in range(n_clones)]
    return parents, observed, n_sites, int(rng.integers(n_sites))
