"""Mutation testing: small faults are put into the package, one at a time, and the tests that reach the line must fail.

    python benchmarks/mutation_testing.py [--modules migration seeding timing] [--mutants 8] [--seed 1]
                                          [--cpu-seconds 2400] [--output mutants.tsv] [--only MODULE:LINE]

Faults: comparisons shifted or turned round, arithmetic and boolean operators swapped, `not` removed, numbers changed by
one, True and False swapped, min and max, any and all, break and continue, statements left out. So many mutants of each
module are drawn at random. Which tests reach which line is measured first (coverage, one context a test); a mutant is
run in a forked process whose import system hands out the mutated source: no file is touched. A mutant that needs ten
times the CPU its tests need counts as noticed. Tests that start processes of their own see the package as it is.
"""

from __future__ import annotations

import argparse
import ast
import copy
import csv
import importlib.util
import io
import os
import random
import resource
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "phylometa"
TESTS = tuple(f"{room}/test_*.py" for room in ("migration", "seeding", "comparison", "timing", "reference"))
COMPARISONS = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
SLOWER = 10.0
SURVIVED, KILLED, TIMED_OUT, UNREACHED = "survived", "killed", "too slow", "not reached"


def modules_of(group: str) -> list[Path]:
    """Files of a room of the package."""
    return sorted(path for path in (PACKAGE / group).glob("*.py") if path.name != "__init__.py")


def replacements(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Every fault that can be put in the place of a node, with its name."""
    if isinstance(node, ast.Compare):
        for i, operator in enumerate(node.ops):
            for other in COMPARISONS.get(type(operator), ()):
                changed = copy.deepcopy(node)
                changed.ops[i] = other()
                yield "comparison", changed
    elif isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in ARITHMETIC:
        changed = copy.deepcopy(node)
        changed.op = ARITHMETIC[type(node.op)]()
        yield "arithmetic", changed
    elif isinstance(node, ast.BoolOp):
        changed = copy.deepcopy(node)
        changed.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "and/or", changed
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        yield "operator removed", copy.deepcopy(node.operand)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "True/False", ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        yield "number", ast.Constant(node.value + 1)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMES:
        changed = copy.deepcopy(node)
        changed.func = ast.Name(NAMES[node.func.id], ast.Load())
        yield "min/max, any/all", changed
    elif isinstance(node, (ast.Break, ast.Continue)):
        yield "break/continue", ast.Continue() if isinstance(node, ast.Break) else ast.Break()
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield "statement left out", ast.Pass()


def sites(tree: ast.Module) -> list[tuple[ast.AST, str, int, ast.AST]]:
    """(parent, field, position in it or -1, node) of every node whose change could matter when the code runs."""
    found: list[tuple[ast.AST, str, int, ast.AST]] = []

    def visit(node: ast.AST) -> None:
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "type_comment"):
                continue
            for i, child in enumerate(value) if isinstance(value, list) else [(-1, value)]:
                if isinstance(child, ast.If) and getattr(child.test, "id", "") == "TYPE_CHECKING":
                    continue
                if isinstance(child, (ast.Raise, ast.Assert, ast.Import, ast.ImportFrom)):
                    continue
                if isinstance(child, ast.AST):
                    found.append((node, name, i, child))
                    visit(child)

    visit(tree)
    return found


def mutants_of(path: Path) -> list[tuple[int, str, str, str, str]]:
    """(line, fault, code before, code after, source of the module) of every mutant, in the order of the file."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    found = []
    for parent, name, i, node in sites(tree):
        for fault, other in replacements(node):
            before = ast.unparse(node)
            ast.copy_location(other, node)
            place = getattr(parent, name)
            if i < 0:
                setattr(parent, name, other)
            else:
                place[i] = other
            text = ast.unparse(ast.fix_missing_locations(tree))
            after = ast.unparse(other)
            if i < 0:
                setattr(parent, name, node)
            else:
                place[i] = node
            found.append((node.lineno, fault, before, after, text))
    return found


class _MutatedLoader:
    """Hands out mutated source for one module."""

    def __init__(self, name: str, path: Path, text: str) -> None:
        self.name, self.path, self.text = name, path, text

    def find_spec(self, name: str, path: object = None, target: object = None) -> object:
        if name != self.name:
            return None
        return importlib.util.spec_from_loader(name, self, origin=str(self.path))

    def create_module(self, spec: object) -> None:
        return None

    def exec_module(self, module: object) -> None:
        module.__file__ = str(self.path)  # type: ignore[attr-defined]
        exec(compile(self.text, str(self.path), "exec"), module.__dict__)  # noqa: S102 - the point of the exercise


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def run_pytest(arguments: list[str], plugins: list[object] | None = None) -> int:
    """pytest in this process, silent."""
    import pytest

    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        return int(
            pytest.main(["-p", "no:cacheprovider", "--assert=plain", "-q", "-x", *arguments], plugins=plugins or [])
        )


def forked(work, *, cpu_limit: float = 0.0) -> tuple[int, float]:
    """Exit status (or minus the signal) and CPU seconds of `work()` in a child process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    child = os.fork()
    if child == 0:
        status = 70
        try:
            if cpu_limit:
                resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_limit) + 1, int(cpu_limit) + 2))
            os.chdir(ROOT)
            status = work()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    _, code = os.waitpid(child, 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return os.waitstatus_to_exitcode(code), spent


def measure_reach(files: list[Path], tests: list[str], folder: Path) -> tuple[dict, dict[str, float]]:
    """Tests that reach each line of each file, and the CPU seconds of each test."""
    data_file = folder / "coverage"
    times_file = folder / "times.tsv"

    def work() -> int:
        import coverage

        os.environ["COVERAGE_CORE"] = "ctrace"
        measured = coverage.Coverage(data_file=str(data_file), config_file=False, include=[str(path) for path in files])

        class Contexts:
            times: dict[str, float] = {}

            def pytest_runtest_protocol(self, item: object) -> None:
                measured.switch_context(item.nodeid)  # type: ignore[attr-defined]
                self.started = time.process_time()

            def pytest_runtest_logfinish(self, nodeid: str) -> None:
                self.times[nodeid] = time.process_time() - self.started

        measured.start()
        status = run_pytest(tests, [Contexts()])
        measured.stop()
        measured.save()
        times_file.write_text("".join(f"{name}\t{seconds}\n" for name, seconds in Contexts.times.items()))
        return status

    status, spent = forked(work)
    if status != 0:
        raise SystemExit(f"the tests fail without a mutant (pytest's status {status})")
    print(f"{spent:.0f} s of CPU to measure which test reaches which line")
    from coverage import CoverageData

    data = CoverageData(basename=str(data_file))
    data.read()
    reach = {path: data.contexts_by_lineno(str(path)) for path in files}
    times = dict(line.rsplit("\t", 1) for line in times_file.read_text().splitlines())
    return reach, {name: float(seconds) for name, seconds in times.items()}


def try_mutant(path: Path, text: str, tests: list[str], usual: float) -> tuple[str, float]:
    """What became of a mutant whose module's source is `text`."""

    def work() -> int:
        sys.meta_path.insert(0, _MutatedLoader(module_name(path), path, text))
        return run_pytest(tests)

    status, spent = forked(work, cpu_limit=max(SLOWER * usual, 20.0))
    if status < 0:
        return TIMED_OUT, spent
    return (SURVIVED if status == 0 else KILLED), spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modules", nargs="+", default=["migration", "seeding", "comparison", "timing"])
    parser.add_argument("--mutants", type=int, default=8, help="of each module")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cpu-seconds", type=float, default=2400.0, help="no further mutant is begun after that")
    parser.add_argument("--output", type=Path, help="table of all mutants")
    parser.add_argument("--only", action="append", default=[], metavar="MODULE:LINE", help="all mutants of a line")
    chosen = parser.parse_args()
    files = [path for group in chosen.modules for path in modules_of(group)]
    tests = sorted({str(path.relative_to(ROOT)) for glob in TESTS for path in (ROOT / "tests").glob(glob)})
    # what every child needs is loaded once; the package itself must not be
    for name in ("pytest", "numpy", "scipy.stats", "scipy.optimize", "hypothesis", "networkx", "numba", "click"):
        importlib.import_module(name)
    # the package compared is the one beside this script, wherever another copy is installed
    sys.path.insert(0, str(ROOT))
    assert not any(name.split(".")[0] == "phylometa" for name in sys.modules)
    with tempfile.TemporaryDirectory() as folder:
        reach, times = measure_reach(files, tests, Path(folder))
    rng = random.Random(chosen.seed)
    queue = []
    for path in files:
        found = mutants_of(path)
        if chosen.only:
            wanted = {text.rsplit(":", 1)[1] for text in chosen.only if text.rsplit(":", 1)[0] == module_name(path)}
            picked = [mutant for mutant in found if str(mutant[0]) in wanted]
        else:
            picked = sorted(rng.sample(found, min(chosen.mutants, len(found))), key=lambda mutant: mutant[0])
        queue += [(path, *mutant) for mutant in picked]
    # in a random order, so that a budget that runs out leaves a sample of all modules
    rng.shuffle(queue)
    rows, spent = [], 0.0
    for path, line, fault, before, after, text in queue:
        if spent > chosen.cpu_seconds:
            print(f"CPU budget spent: {len(queue) - len(rows)} mutants were not tried")
            break
        at_import = {""} & set(reach[path].get(line, ()))
        reaching = [name for name in reach[path].get(line, ()) if name]
        if at_import and not reaching:  # runs when the module is loaded: every test of the module may notice
            reaching = sorted({name for names in reach[path].values() for name in names if name})
        reaching.sort(key=lambda name: times.get(name, 0.0))
        if reaching:
            usual = sum(times.get(name, 0.0) for name in reaching) + 2.0
            fate, seconds = try_mutant(path, text, reaching, usual)
        else:
            fate, seconds = UNREACHED, 0.0
        spent += seconds
        rows.append((module_name(path), line, fault, before, after, fate, len(reaching)))
        if fate in (SURVIVED, UNREACHED):
            print(f"{fate}: {module_name(path)}:{line}: {before}  ->  {after}  ({len(reaching)} tests)", flush=True)
    if chosen.output:
        with chosen.output.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle, delimiter="\t", lineterminator="\n")
            writer.writerow(["module", "line", "fault", "before", "after", "fate", "tests"])
            writer.writerows(sorted(rows))
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        for name in (row[0].split(".")[1] if row[0].count(".") > 1 else "timing modules", "all"):
            counts[name][row[5]] += 1
    print(f"\n| modules | mutants | {KILLED} | {TIMED_OUT} | {SURVIVED} | {UNREACHED} |\n|---|---|---|---|---|---|")
    for name, fates in sorted(counts.items(), key=lambda pair: (pair[0] == "all", pair[0])):
        cells = [sum(fates.values()), *(fates[fate] for fate in (KILLED, TIMED_OUT, SURVIVED, UNREACHED))]
        print(f"| {name} | {' | '.join(map(str, cells))} |")
    print(f"{spent:.0f} s of CPU for the mutants")


if __name__ == "__main__":
    main()
