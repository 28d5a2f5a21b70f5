"""The process model by brute force: every set of sites, every site tree, every way of every child, every graph."""

import itertools
import math


def spanning_trees(sites, root):
    """All trees of `sites` away from `root`, as (source, target) pairs."""
    others = [t for t in sites if t != root]
    for chosen in itertools.product(*[[p for p in sites if p != t] for t in others]):
        parent = dict(zip(others, chosen))
        if all(_reaches(parent, t, root) for t in others):
            yield [(p, t) for t, p in parent.items()]


def _reaches(parent, t, root):
    seen = set()
    while t != root:
        if t in seen:
            return False
        seen.add(t)
        t = parent[t]
    return True


def prior_of_graph(routes, settings):
    """Prior weight of a set of routes between positions, 0 the primary."""
    weight = 1.0
    for s, t in routes:
        weight *= settings.route if s == 0 else settings.route_back if t == 0 else settings.route_between
    return weight * settings.further_source ** len({s for s, _ in routes if s})


def all_histories(tree, presence, primary, settings):
    """Weight of every history with its hidden copies, summed over graphs: {edges in the patient's sites: weight}."""
    held = [primary, *(t for t in range(presence.shape[1]) if t != primary and presence[:, t].any())]
    n = len(held)
    observed = [{i for i, t in enumerate(held) if presence[v, t]} for v in range(tree.n_clones)]
    pairs = list(itertools.permutations(range(n), 2))
    graphs = [set(g) for size in range(len(pairs) + 1) for g in itertools.combinations(pairs, size)]
    graphs = [(g, prior_of_graph(g, settings)) for g in graphs]
    found = {}

    def extend(waiting, edges, sets, weight):
        if not waiting:
            used = {(s, t) for _, s, _, t in edges if s != t}
            moved = sum(s != t for _, s, _, t in edges)
            total = 0.0
            for graph, prior in graphs:
                if used <= graph:
                    unused = sum(s in held_by and t not in held_by for held_by in sets for s, t in graph)
                    total += prior * settings.staying**unused
            key = tuple((u, held[s], v, held[t]) for u, s, v, t in edges)
            found[key] = weight * settings.moving**moved * total
            return
        (v, entry), *others = waiting
        needed = observed[v] | ({0} if v == tree.root else set())
        free = [s for s in range(n) if s not in needed]
        for size in range(len(free) + 1):
            for extra in itertools.combinations(free, size):
                sites = needed | set(extra)
                if entry not in sites:
                    continue
                hidden = settings.hidden ** len(sites - observed[v])
                children = tree.children[v]
                ways = list(itertools.product(sorted(sites), range(n)))
                for within in spanning_trees(sorted(sites), entry):
                    for picked in itertools.product(ways, repeat=len(children)):
                        more = [(v, s, v, t) for s, t in within]
                        more += [(v, s, c, t) for c, (s, t) in zip(children, picked)]
                        entered = [(c, t) for c, (_, t) in zip(children, picked)]
                        share = weight * hidden / len(sites) ** len(children)
                        extend([*others, *entered], edges + more, [*sets, sites], share)

    extend([(tree.root, 0)], [], [], 1.0)
    return {edges: weight for edges, weight in found.items() if weight > 0}


def log_total(histories):
    return math.log(sum(histories.values()))
