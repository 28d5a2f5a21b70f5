"""Attacks on everything but the readers of input: python benchmarks/attacks.py [--seed 1] [--few] [--group TEXT].

Prints the table of docs/reliability.md: kinds of fault, tries, and how many were held. A try is held if it ends as
it must: refused with a message that names what is wrong, or done with nothing of anybody else's changed. Not held are
an internal error, a file lost, and a wrong answer that nobody is told of. `--few` makes a few tries of every kind,
`--group` those of the kinds with this text in their name. The kinds are those of `attack_kinds`.
(`benchmarks/fuzz_inputs.py` damages input files; `benchmarks/concurrency.py` kills processes.)
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from attack_kinds.directories import foreign, locks, streams
from attack_kinds.ground import Ground
from attack_kinds.inputs import cells, inputs_without_end, matches
from attack_kinds.processes import installations, killed_parents, namesakes
from attack_kinds.results import results, stages
from attack_kinds.settings import settings
from attack_kinds.surroundings import environment

GROUPS = {
    "parallel jobs into one directory": (locks,),
    "files of somebody else": (foreign,),
    "targets that are no files": (streams,),
    "read-only installations, no HOME": (installations,),
    "settings outside their range": (settings,),
    "stages that no longer fit": (stages,),
    "results damaged or changed": (results,),
    "disk, streams, permissions": (environment,),
    "inputs without an end, killed parents": (inputs_without_end, killed_parents),
    "formulas, control characters, blanks": (cells,),
    "tables that match nothing, dates": (matches,),
    "another package of our name": (namesakes,),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--few", action="store_true", help="at most six tries of every kind")
    parser.add_argument("--group", action="append", help="only kinds with this text in their name; may be repeated")
    options = parser.parse_args()
    failed: list[str] = []
    total = 0
    print("| kind of fault | tries | held |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        ground = Ground(Path(scratch), options.seed)
        for group, makers in GROUPS.items():
            if options.group and not any(text in group for text in options.group):
                continue
            tries = [one for make in makers for one in make(ground)]
            if options.few:
                tries = ground.random.sample(tries, min(len(tries), 6))
            wrong = []
            for name, attack in tries:
                try:
                    is_held = attack()
                except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, it was not held
                    is_held, name = False, f"{name}: {type(error).__name__}: {error}"
                if not is_held:
                    wrong.append(f"{group}: {name}")
                    print(f"not held: {wrong[-1]}", file=sys.stderr, flush=True)
                ground.clear()
            print(f"| {group} | {len(tries)} | {len(tries) - len(wrong)} |", flush=True)
            failed += wrong
            total += len(tries)
        for path in Path(scratch).rglob("*"):  # what was made read-only can be removed again
            if path.is_dir() and not path.is_symlink():
                os.chmod(path, 0o755)
    print(f"| all | {total} | {total - len(failed)} |")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
