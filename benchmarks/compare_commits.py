"""Has it become slower? Two commits in one run, by ratio: interleaved runs cancel what the machine does meanwhile.

    python benchmarks/compare_commits.py OLD [NEW] [--stages NAME...] [--runs 5] [--limit 1.25] [--tumours 8]

Both commits are checked out as git worktrees in a temporary folder; the stages are those of benchmarks/all.py as it is
in this checkout. In every run each stage is measured once a commit, in alternating order. Printed is the median over
runs of the ratio NEW / OLD of every CPU time, rate and memory; a median beyond the limit is a regression (status 1).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import all as benchmarks  # noqa: E402

# More is better; everything else that is compared costs time or memory.
RATES = ("a second",)
COMPARED = ("CPU", "memory", "a second")


def is_compared(measure: str) -> bool:
    return any(word in measure for word in COMPARED) and "times" not in measure


def cost_ratio(measure: str, old: float, new: float) -> float:
    """How much more the new commit costs."""
    return old / new if any(word in measure for word in RATES) else new / old


def regressions(ratios: dict[tuple[str, str], list[float]], limit: float) -> list[tuple[str, str, float]]:
    """(stage, measure, median ratio) of everything whose median is beyond the limit."""
    medians = [(stage, measure, statistics.median(found)) for (stage, measure), found in ratios.items()]
    return [row for row in medians if row[2] > limit]


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=HERE, check=True, capture_output=True, text=True).stdout.strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new", nargs="?", default="HEAD")
    parser.add_argument("--stages", nargs="+", choices=list(benchmarks.STAGES), default=list(benchmarks.STAGES))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--limit", type=float, default=1.25, help="greatest median ratio [default: 1.25]")
    parser.add_argument("--tumours", type=int, default=8)
    chosen = parser.parse_args()
    commits = [git("rev-parse", "--short", f"{name}^{{commit}}") for name in (chosen.old, chosen.new)]
    ratios: dict[tuple[str, str], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder) / f"{number}-{commit}" for number, commit in enumerate(commits)]
        try:
            for place, commit in zip(places, commits):
                git("worktree", "add", "--detach", "--quiet", str(place), commit)
            # compiled kernels are cached in each worktree by a first call that does not count
            for run in range(chosen.runs + 1):
                for stage in chosen.stages:
                    order = (0, 1) if run % 2 else (1, 0)
                    found = {
                        i: benchmarks.run_stage_alone(stage, chosen.tumours, PYTHONPATH=str(places[i])) for i in order
                    }
                    for measure in found[0].keys() & found[1].keys() if run else ():
                        if is_compared(measure):
                            ratio = cost_ratio(measure, found[0][measure], found[1][measure])
                            ratios[stage, measure].append(ratio)
        finally:
            for place in places:
                if place.exists():
                    git("worktree", "remove", "--force", str(place))
            git("worktree", "prune")
    print(f"cost of {commits[1]} / {commits[0]}, median of {chosen.runs} interleaved runs (least, greatest)")
    print("| stage | measure | ratio | least | greatest |\n|---|---|---|---|---|")
    for (stage, measure), found in sorted(ratios.items()):
        middle = statistics.median(found)
        print(f"| {stage} | {measure} | {middle:.2f} | {min(found):.2f} | {max(found):.2f} |")
    slower = regressions(ratios, chosen.limit)
    for stage, measure, ratio in slower:
        print(f"regression: {stage}, {measure}: {ratio:.2f} > {chosen.limit:g}")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
