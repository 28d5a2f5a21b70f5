"""Routes of a published lineage-tracing tree beside those that its authors' model gave.

    python benchmarks/lineage_tree.py TREES --primary SITE

TREES is a posterior sample of trees whose vertices all carry a site, such as BEAM's (examples/data/example.trees of
StephenStaklinski/beam_sup, MIT: 163 lung cancer cells in four tissues of a mouse, primary LL). We see the sites of the
leaves only. Printed: for every route, the share of trees with a migration and their mean number, theirs and ours.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

from phylometa.io.phylogenies import read_phylogenies
from phylometa.pipeline.phylogenies import label_phylogenies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trees")
    parser.add_argument("--primary", required=True)
    arguments = parser.parse_args()
    trees = read_phylogenies(arguments.trees)
    share: Counter[tuple[str, str]] = Counter()
    number: Counter[tuple[str, str]] = Counter()
    for tree in trees:
        moves = [(tree.sites[u], tree.sites[v]) for v, u in enumerate(tree.parents.tolist()) if u >= 0]
        counts = Counter(pair for pair in moves if pair[0] != pair[1])
        number.update(counts)
        share.update(counts.keys())
    started = time.process_time()
    ours = label_phylogenies(arguments.trees, primary=arguments.primary)
    spent = time.process_time() - started
    index = {site: t for t, site in enumerate(ours.site_names)}
    print(f"{len(trees)} trees of {int(trees[0].is_leaf.sum())} leaves, {spent:.1f} s of CPU")
    print("route              theirs: share, number    ours: probability, number")
    agree, pairs = 0, [(s, t) for s in index for t in index if s != t]
    for pair in sorted(pairs, key=lambda pair: (-share[pair], pair)):
        p, n = (float(table[index[pair[0]], index[pair[1]]]) for table in (ours.any_migration, ours.migrations))
        theirs = share[pair] / len(trees)
        agree += (theirs >= 0.5) == (p >= 0.5)
        print(f"{pair[0]:8s} {pair[1]:8s}  {theirs:13.2f} {number[pair] / len(trees):7.1f}   {p:16.2f} {n:8.1f}")
    print(f"{agree} of {len(pairs)} routes on the same side of .5")


if __name__ == "__main__":
    main()
