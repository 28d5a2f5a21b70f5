"""The package's sources as syntax trees, parsed once for all tests that read them."""

import ast
import functools
import gc
from pathlib import Path

import phylometa

PACKAGE = Path(phylometa.__file__).parent


@functools.cache
def module_trees():
    """(path within the package, all nodes of its syntax tree) of every module."""
    found = []
    gc.disable()  # millions of objects, none of them garbage
    try:
        for path in sorted(PACKAGE.rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found.append((path.relative_to(PACKAGE), tuple(ast.walk(tree))))
        gc.freeze()
    finally:
        gc.enable()
    return found
