"""Functions do one thing: limits on their lines and arguments, with a reason for every exception."""

import ast

import pytest
from package_trees import PACKAGE, module_trees

MOST_LINES, MOST_ARGUMENTS = 60, 8
MOST_LINES_OF_KERNELS = 120  # and any number of arguments: a compiled function takes arrays, not objects
CHOICES = "public: each argument is a choice of the user's, named as in the interface"
# Module and function -> why it may have more arguments.
MANY_ARGUMENTS = {
    "joint.infer.infer_jointly": CHOICES,
    "migration.infer.infer_migration_histories": CHOICES,
    "seeding.classify.classify_seeding": CHOICES,
    "timing.treatment.grade_reseeding_evidence": "each argument is one observation of the rule of grading",
}


def lines_with_code(text, nodes):
    """Lines with code, and those within a string; those of docstrings, comments and blank lines are none."""
    lines = {n for n, line in enumerate(text.split("\n"), 1) if line.strip() and not line.lstrip().startswith("#")}
    docstrings = set()
    for node in nodes:
        if isinstance(node, (ast.Constant, ast.JoinedStr)) and node.end_lineno > node.lineno:
            lines |= set(range(node.lineno, node.end_lineno + 1))
        is_definition = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        if is_definition and ast.get_docstring(node, clean=False) is not None:
            docstrings |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return lines - docstrings


def sizes(text, nodes):
    """(function, lines of its body, number of arguments, is a kernel) of every function, nested ones too."""
    lines = lines_with_code(text, nodes)
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            own = sum(line in lines for line in range(node.body[0].lineno, node.end_lineno + 1))
            n_arguments = len([*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs])
            yield node.name, own, n_arguments, any("njit" in ast.unparse(found) for found in node.decorator_list)


@pytest.fixture(scope="module")
def all_sizes():
    """(module.function, lines, arguments, is a kernel) of the whole package."""
    return [
        (".".join((*path.with_suffix("").parts, name)), *numbers)
        for path, nodes in module_trees()
        for name, *numbers in sizes((PACKAGE / path).read_text(encoding="utf-8"), nodes)
    ]


def test_no_function_has_too_many_lines(all_sizes):
    wrong = [f"{name}: {n}" for name, n, _, is_kernel in all_sizes if not is_kernel and n > MOST_LINES]
    assert not wrong, f"more than {MOST_LINES} lines of code:\n" + "\n".join(wrong)


def test_no_function_takes_too_many_arguments(all_sizes):
    many = {name: n for name, _, n, is_kernel in all_sizes if not is_kernel and n > MOST_ARGUMENTS}
    wrong = [f"{name}: {n}" for name, n in many.items() if name not in MANY_ARGUMENTS]
    assert not wrong, f"more than {MOST_ARGUMENTS} arguments:\n" + "\n".join(wrong)
    assert set(MANY_ARGUMENTS) <= set(many), "an exception that is none any more"


def test_no_kernel_has_too_many_lines(all_sizes):
    wrong = [f"{name}: {n}" for name, n, _, is_kernel in all_sizes if is_kernel and n > MOST_LINES_OF_KERNELS]
    assert not wrong, f"more than {MOST_LINES_OF_KERNELS} lines of code:\n" + "\n".join(wrong)


def test_only_code_is_counted():
    text = '''
@njit(cache=True)
def kernel(a, /, b, *rest, c=1, **more):
    """Docstring
    of two lines."""

    # a comment
    text = """a string
    # of three lines

    """
    return text  # counts once


def outer(
    a,
):
    def inner():
        """Docstring."""
        return a

    return inner
'''
    found = list(sizes(text, list(ast.walk(ast.parse(text)))))
    assert found == [("kernel", 5, 3, True), ("outer", 3, 1, False), ("inner", 1, 0, False)]
