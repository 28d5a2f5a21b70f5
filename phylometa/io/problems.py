"""Problems of a file, collected while it is read and raised together: one message a cause."""

from __future__ import annotations

import re
from dataclasses import replace

from phylometa.errors import InputError, Problem

__all__ = ["ProblemList"]

# Causes listed in one message, the rest is counted; rows of one cause that stand by themselves, and that are named.
MAX_PROBLEMS = 50
MAX_ALIKE = 3
MAX_ROWS = 12
# What differs between the messages of one cause.
VALUE = re.compile(r"'[^']*'|\d+(\.\d+)?")


class ProblemList:
    """Problems of one file as they are met; `check` raises them all at once, one message a cause.

    Rows of one column with the same fault beyond `MAX_ALIKE` are one problem that lists its rows.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.n_added = 0
        self._causes: dict[object, _Cause] = {}

    def add(self, message: str, *, row: int | None = None, column: str | None = None, cause: str = "") -> None:
        """Note a problem; `cause` groups messages that differ in more than quoted values and numbers."""
        self._note(Problem(message, file=self.file, row=row, column=column), cause)

    def _note(self, problem: Problem, cause: str = "") -> None:
        self.n_added += 1
        key: object = (problem.column, cause or VALUE.sub("#", problem.message)) if problem.row else str(problem)
        known = self._causes.get(key)
        if known is None:
            known = self._causes[key] = _Cause()
        known.add(problem)

    def __bool__(self) -> bool:
        return self.n_added > 0

    def extend(self, error: InputError) -> None:
        """Take over the problems of an error."""
        for problem in error.problems:
            self._note(problem)

    @property
    def problems(self) -> list[Problem]:
        """What `check` raises."""
        causes = list(self._causes.values())
        listed = [problem for cause in causes[:MAX_PROBLEMS] for problem in cause.listed()]
        n_more = sum(cause.count for cause in causes[MAX_PROBLEMS:])
        return [*listed, *([Problem(f"and {n_more} more problems", file=self.file)] if n_more else [])]

    def check(self) -> None:
        """Raise `InputError` with every problem if there is one."""
        if self:
            raise InputError(self.problems)


class _Cause:
    """Problems alike: the first few, and the rows of all."""

    def __init__(self) -> None:
        self.first: list[Problem] = []
        self.rows: list[int] = []
        self.count = 0

    def add(self, problem: Problem) -> None:
        self.count += 1
        if len(self.first) < MAX_ALIKE:
            self.first.append(problem)
        if problem.row is not None and len(self.rows) < MAX_ROWS:
            self.rows.append(problem.row)

    def listed(self) -> list[Problem]:
        if self.count <= MAX_ALIKE or self.first[0].row is None:
            return self.first
        rows = ", ".join(map(str, self.rows)) + (" ..." if self.count > len(self.rows) else "")
        message = f"{self.first[0].message} ({self.count} such rows: {rows})"
        return [replace(self.first[0], message=message)]
