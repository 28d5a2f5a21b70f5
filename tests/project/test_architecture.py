"""The rules of docs/architecture.md, and what no module may do: held by reading all code, also that in functions."""

import ast
import functools
import re
import subprocess
import sys
from collections import defaultdict

from package_trees import PACKAGE, module_trees

# Floors of the house, the lowest first: a room imports rooms of lower floors only.
FLOORS = (
    ("errors",),
    ("reference",),
    ("config",),
    ("model",),
    ("reads",),
    ("cells", "clustering", "clone_trees", "copy_number", "migration"),
    ("comparison",),
    ("ccf", "seeding", "timing"),
    ("joint", "plots", "qc", "simulate"),
    ("io", "report"),
    ("pipeline",),
    ("cohort",),
    ("cli",),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
METHODS = (
    *("reads", "clustering", "clone_trees", "copy_number", "migration", "comparison", "ccf", "seeding", "timing"),
    *("joint", "qc", "cells"),
)
EDGE = {"io", "plots", "report", "simulate", "pipeline", "cohort", "cli"}
EFFECT_LIBRARIES = {"click", "matplotlib", "jinja2", "pysam"}
# Libraries that turn bytes into code or objects, or open what a document points to.
FORBIDDEN_IMPORTS = {
    *("pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "yaml", "xml", "lxml", "defusedxml"),
    *("ftplib", "http", "requests", "socket", "urllib.request", "subprocess", "pty", "webbrowser"),
}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}


@functools.cache
def modules():
    """Dotted name within the package -> all nodes of the syntax tree."""
    return {".".join(path.with_suffix("").parts).removesuffix(".__init__"): nodes for path, nodes in module_trees()}


def room_of(module):
    return module.split(".")[0]


def imports_of(module):
    """Dotted names of everything that the module imports, wherever in the file."""
    for node in modules()[module]:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(module):
    """Modules of the package that the module imports."""
    known_modules = modules()
    for name in imports_of(module):
        parts = name.split(".")
        if parts[0] == "phylometa":
            dotted = ".".join(parts[1:])
            for known in (dotted, dotted.rpartition(".")[0]):
                if known in known_modules and known != "__init__" and known != module:
                    yield known
                    break


@functools.cache
def graph():
    """Module -> the modules of the package that it imports."""
    return {module: set(own_imports(module)) for module in modules()}


def circle_of(graph):
    """One circle of a directed graph as a list of its nodes; empty if there is none."""
    done, path = set(), []

    def visit(node):
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        path.append(node)
        for target in sorted(graph.get(node, ())):
            if found := visit(target):
                return found
        path.pop()
        done.add(node)
        return []

    return next((found for node in sorted(graph) if (found := visit(node))), [])


def test_the_package_root_holds_folders_and_four_modules():
    assert {path.name for path in PACKAGE.glob("*.py")} == {*("__init__.py", "__main__.py", "config.py", "errors.py")}
    unknown = {room_of(module) for module in modules()} - set(FLOOR_OF) - {"__init__", "__main__"}
    assert not unknown, f"rooms without a floor: {sorted(unknown)}"


def test_rooms_import_lower_floors_only():
    wrong = [
        f"{module} imports {target}"
        for module, targets in graph().items()
        for target in targets
        if room_of(module) in FLOOR_OF
        and room_of(target) in FLOOR_OF
        and room_of(target) != room_of(module)
        and FLOOR_OF[room_of(target)] >= FLOOR_OF[room_of(module)]
    ]
    assert not wrong, "\n".join(sorted(wrong))


def test_there_is_no_circle_of_modules_and_none_of_rooms():
    assert not circle_of(graph()), " -> ".join(circle_of(graph()))
    rooms = defaultdict(set)
    for module, targets in graph().items():
        rooms[room_of(module)] |= {room_of(target) for target in targets} - {room_of(module)}
    assert not circle_of(rooms), " -> ".join(circle_of(rooms))


def test_a_circle_would_be_found():
    assert circle_of({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == ["a", "b", "c", "a"]
    assert circle_of({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_methods_have_no_effects():
    below_edge = (*METHODS, "model", "reference", "config", "errors")
    wrong = [
        f"{module} imports {name}"
        for module in modules()
        if room_of(module) in below_edge
        for name in imports_of(module)
        if name.split(".")[0] in EFFECT_LIBRARIES or (name.startswith("phylometa.") and name.split(".")[1] in EDGE)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_global_random_state_and_no_process_exit_in_the_library():
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        text, module = path.read_text(encoding="utf-8"), ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        if re.search(
            r"np\.random\.(seed|rand|randn|choice|shuffle|randint)\(|^import random|from random import", text, re.M
        ):
            wrong.append(f"{module}: global random state")
        if room_of(module) not in ("cli", "__main__") and re.search(r"sys\.exit\(|os\._exit\(|os\.dup2\(", text):
            wrong.append(f"{module}: leaves the process or redirects its streams")
    assert not wrong, "\n".join(wrong)


def test_importing_the_package_or_its_help_loads_no_heavy_library():
    code = (
        "import sys, phylometa, phylometa.cli; "
        "heavy = {'scipy', 'numba', 'matplotlib', 'networkx', 'pysam', 'Bio', 'jinja2', 'numpy'} & set(sys.modules); "
        "sys.exit(f'loaded: {sorted(heavy)}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# --- what the code may not do at all


def test_no_module_unpickles_evaluates_parses_xml_starts_programs_or_opens_connections():
    wrong = []
    for path, nodes in module_trees():
        for node in nodes:
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            wrong += [
                f"{path}:{node.lineno}: imports {name}"
                for name in names
                if {name, name.split(".")[0]} & FORBIDDEN_IMPORTS
            ]
            if isinstance(node, ast.Call):
                function = node.func
                if isinstance(function, ast.Name) and function.id in FORBIDDEN_CALLS:
                    wrong.append(f"{path}:{node.lineno}: calls {function.id}")
                if isinstance(function, ast.Attribute) and function.attr in ("system", "popen", "execv", "spawnv"):
                    wrong.append(f"{path}:{node.lineno}: starts a program")
    assert not wrong, "\n".join(wrong)


def test_numpy_never_loads_objects():
    """numpy.load and loadtxt are not used; were they, pickles would have to be refused by name."""
    loaders = ("load", "fromfile", "genfromtxt", "loadtxt", "memmap")
    wrong = []
    for path, nodes in module_trees():
        for node in nodes:
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in loaders):
                continue
            if getattr(node.func.value, "id", "") not in ("np", "numpy"):
                continue
            allowed = [key.value for key in node.keywords if key.arg == "allow_pickle"]
            if not (allowed and isinstance(allowed[0], ast.Constant) and allowed[0].value is False):
                wrong.append(f"{path}:{node.lineno}")
    assert not wrong, wrong


def test_the_only_dynamic_imports_are_of_the_package_itself():
    """import_module takes names from the package's own tables, with `phylometa.` in front."""
    wrong = []
    for path, nodes in module_trees():
        for node in nodes:
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", getattr(node.func, "attr", "")) == "import_module"
            ):
                argument = node.args[0]
                is_own = isinstance(argument, ast.JoinedStr) and getattr(argument.values[0], "value", "").startswith(
                    "phylometa."
                )
                if not is_own:
                    wrong.append(f"{path}:{node.lineno}")
    assert not wrong, wrong
