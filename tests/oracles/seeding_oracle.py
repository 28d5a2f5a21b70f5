"""Seeding labels of one history, word by word from their definitions: the oracle of the labels computed in batches."""

from itertools import combinations


def labels_by_definition(tree, history, sites, primary, presence):
    """Every label of one history, by plain loops over its edges."""
    edges = [tuple(edge) for edge in history.edges.tolist()]
    moves = [edge for edge in edges if edge[1] != edge[3]]
    graph = {(s, t) for _, s, _, t in moves}
    name = [site.name for site in sites]
    metastatic = [site.is_metastasis for site in sites]

    def above(u, v):
        return bool(tree.is_ancestor[u, v])

    def on_one_path(clones):
        return all(above(u, v) or above(v, u) for u, v in combinations(clones, 2))

    def one_above_all(clones):
        return any(all(above(u, v) for v in clones) for u in clones)

    def path_to_root(clone, site):
        path = [(clone, site)]
        while path[-1] != history.root:
            path.append(next((u, s) for u, s, v, t in edges if (v, t) == path[-1]))
        return path

    def reaches(start, goal):
        seen, stack = set(), [t for s, t in graph if s == start]
        while stack:
            site = stack.pop()
            if site == goal:
                return True
            if site not in seen:
                seen.add(site)
                stack += [t for s, t in graph if s == site]
        return False

    into = {t: [edge for edge in moves if edge[3] == t] for t in {edge[3] for edge in moves}}
    sources = {t: {edge[1] for edge in of_site} for t, of_site in into.items()}
    leaving = {u for u, s, _, _ in moves if s == primary}
    to_distant = {u for u, s, _, t in moves if s == primary and sites[t].site_class == "distant"}
    departing, founding = {edge[0] for edge in moves}, {edge[2] for edge in moves}

    if not moves:
        pattern = "none"
    elif len({s for s, _ in graph}) == 1:
        pattern = "PS"
    elif any(reaches(s, s) for s, _ in graph):
        pattern = "R"
    else:
        pattern = "S" if all(len(of_site) == 1 for of_site in sources.values()) else "M"

    in_metastases = [v for v, t in history.nodes if metastatic[t]]
    tops = [u for u in range(tree.n_clones) if all(above(u, v) for v in in_metastases)]
    top = max(tops, key=lambda u: len(tree.path_from_root(u))) if in_metastases else None
    clade_is_clean = top is None or not any(above(top, v) and v != top for v, t in history.nodes if t == primary)

    def most_on_a_path(s, t):
        number = 0
        for node in history.nodes:
            path = path_to_root(*node)
            number = max(number, sum(a[1] == t and b[1] == s for a, b in zip(path, path[1:])))
        return number

    waves = {t: sum(most_on_a_path(s, t) for s in of_site) for t, of_site in sources.items()}

    def route(t):
        ways = {any(sites[s].site_class == "lymph_node" for _, s in path_to_root(u, s0)) for u, s0, _, _ in into[t]}
        return "mixed" if len(ways) == 2 else ("ln_mediated" if True in ways else "independent")

    def clonality(is_one):
        return "monoclonal" if is_one else "polyclonal"

    def phyletic(is_one):
        return "monophyletic" if is_one else "polyphyletic"

    def founder_unseen(t):
        if len(into[t]) == 1:
            return not presence[into[t][0][2], t]
        return len({edge[:2] for edge in into[t]}) == 1 and not presence[into[t][0][0], t]

    steps = [(s, t) for s, t in graph if metastatic[s] and metastatic[t]]
    labels = {
        "pattern": pattern,
        "clonality_machina": clonality(all(sum(e[1::2] == pair for e in moves) == 1 for pair in graph)),
        "clonality_site": clonality(all(len(of_site) == 1 for of_site in into.values())),
        "clonality_metient_genetic": clonality(len(founding) == 1),
        "seeding_clones_primary": "+".join(sorted(tree.names[u] for u in leaving)),
        "phyletic": phyletic(on_one_path(leaving)),
        "phyletic_mach2": phyletic(one_above_all(departing)),
        "phyletic_metient": phyletic(one_above_all(founding)),
        "phyletic_clade": phyletic(clade_is_clean),
        "reseeding_primary": str(primary in sources),
        "self_seeding": str(any(metastatic[s] and (t == primary or sites[t].site_class == "bed") for s, t in graph)),
        "local_recurrence": str(any(s == primary and sites[t].site_class == "bed" for s, t in graph)),
        "met_to_met": str(bool(steps)),
        "cascade": str(any(len(sources[t]) == 1 for _, t in steps)),
        "cross_seeding": str(any(len(sources[t]) > 1 for _, t in steps)),
        "primary_seeded_sites": "+".join(sorted(name[t] for s, t in graph if s == primary)),
        "site_seeding": {name[t]: clonality(len(of_site) == 1) for t, of_site in into.items()},
        "site_sources": {name[t]: "+".join(sorted(name[s] for s in of_site)) for t, of_site in sources.items()},
        "ln_route": {name[t]: route(t) for t in into if sites[t].site_class == "distant"},
        "ongoing_evolution": {
            name[x]: str(any(s == t == x and u != v and tree.n_mutations[v] > 0 for u, s, v, t in edges))
            for x in range(len(sites))
            if metastatic[x]
        },
        "phyletic_distant_only": phyletic(on_one_path(to_distant)) if to_distant else "none",
        "seeding_waves": {name[t]: str(number) for t, number in waves.items()},
        "repeated_seeding": {name[t]: str(number > 1) for t, number in waves.items()},
        "source_unobserved": str(any(s == primary and not presence[u, s] for u, s, _, _ in moves)),
        "founder_unobserved": {name[t]: str(bool(founder_unseen(t))) for t in into},
        "site_seeding_resolved": {name[t]: clonality(len({e[:2] for e in into[t]}) == 1) for t in into},
    }
    if not moves:
        yes_no = ("reseeding_primary", "self_seeding", "local_recurrence", "met_to_met", "cascade", "cross_seeding")
        extras = ("phyletic_distant_only", "source_unobserved")
        labels.update({k: "none" for k, v in labels.items() if isinstance(v, str) and k not in (*yes_no, *extras)})
    return labels
