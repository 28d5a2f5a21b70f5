"""The layer rules of docs/architecture.md, held by reading the imports of every module."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import phylometa

PACKAGE = Path(phylometa.__file__).parent

# Lower layers know nothing of higher ones. A module's layer is that of its top package or module below phylometa.
FOUNDATION = {"errors": 0, "config": 1, "data": 1, "trees": 1, "joint_posterior": 1}
EDGE = {
    "io": 2,
    "pipeline": 4,
    "kernel_cache": 4,
    "plots": 5,
    "report": 5,
    "cohort": 6,
    "cli": 7,
    "__init__": 7,
    "__main__": 7,
}
METHOD_LAYER = 3
EFFECT_LIBRARIES = {"click", "matplotlib", "jinja2", "pysam"}


def module_names():
    return sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def top_of(path):
    return path.parts[0].removesuffix(".py")


def layer_of(top):
    return FOUNDATION.get(top, EDGE.get(top, METHOD_LAYER))


def imports_of(path):
    """Dotted names of everything imported anywhere in the file, function bodies included; TYPE_CHECKING blocks not."""
    tree = ast.parse((PACKAGE / path).read_text(encoding="utf-8"))
    skipped = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and getattr(block.test, "id", "") == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_layers_import_downwards_only():
    wrong = []
    for path in module_names():
        top, layer = top_of(path), layer_of(top_of(path))
        for name in imports_of(path):
            parts = name.split(".")
            if parts[0] != "phylometa" or len(parts) < 2:
                continue
            target = parts[1]
            if target == top or not ((PACKAGE / target).is_dir() or (PACKAGE / f"{target}.py").exists()):
                continue
            is_method = layer == METHOD_LAYER
            if layer_of(target) > layer or (is_method and target == "io") or (top == "io" and layer_of(target) == 3):
                wrong.append(f"{path} (layer {layer}) imports phylometa.{target} (layer {layer_of(target)})")
    assert not wrong, "\n".join(wrong)


def test_methods_have_no_effects():
    wrong = [
        f"{path} imports {name}"
        for path in module_names()
        if layer_of(top_of(path)) in (0, 1, METHOD_LAYER)
        for name in imports_of(path)
        if name.split(".")[0] in EFFECT_LIBRARIES
    ]
    assert not wrong, "\n".join(wrong)


def test_no_global_random_state_and_no_process_exit_in_the_library():
    wrong = []
    for path in module_names():
        text = (PACKAGE / path).read_text(encoding="utf-8")
        if re.search(
            r"np\.random\.(seed|rand|randn|choice|shuffle|randint)\(|^import random|from random import", text, re.M
        ):
            wrong.append(f"{path}: global random state")
        if top_of(path) not in ("cli", "__main__") and re.search(r"sys\.exit\(|os\._exit\(", text):
            wrong.append(f"{path}: leaves the process")
    assert not wrong, "\n".join(wrong)


def test_importing_the_package_or_its_help_loads_no_heavy_library():
    code = (
        "import sys, phylometa, phylometa.cli; "
        "heavy = {'scipy', 'numba', 'matplotlib', 'networkx', 'pysam', 'Bio', 'jinja2', 'numpy'} & set(sys.modules); "
        "sys.exit(f'loaded: {sorted(heavy)}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
