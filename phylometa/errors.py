"""Exceptions of phylometa: what a caller can catch, and what the command line turns into an exit status."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "BusyError",
    "InfeasibleError",
    "InputError",
    "OccupiedError",
    "PhylometaError",
    "Problem",
]
__all__ += ["environment_cause"]


class PhylometaError(Exception):
    """Base of every error phylometa raises on purpose (exit status 1 unless a subclass says otherwise)."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input: where it stands, the value found there and what was expected.

    Parameters
    ----------
    message : str
        What is wrong and what was expected, e.g. ``"1.3 is outside (0, 1]"``.
    file : str
        File name as the user gave it; empty if there is no file.
    row : int or None
        1-based line of the file.
    column : str or None
        Column or field name.
    """

    message: str
    file: str = ""
    row: int | None = None
    column: str | None = None

    def __str__(self) -> str:
        where = [self.file] if self.file else []
        if self.row is not None:
            where.append(f"row {self.row}")
        if self.column is not None:
            where.append(f"column {self.column}")
        return f"{', '.join(where)}: {self.message}" if where else self.message


class InputError(PhylometaError):
    """Invalid input (exit status 3). Carries every problem found, one line each.

    Parameters
    ----------
    problems : str, Problem or iterable of Problem
        One problem or all problems of one input.
    file, row, column
        Shorthand for a single problem given as text; see `Problem`.

    Examples
    --------
    >>> print(InputError("1.3 is outside (0, 1]", file="samples.tsv", row=4, column="purity"))
    samples.tsv, row 4, column purity: 1.3 is outside (0, 1]
    """

    def __init__(
        self,
        problems: str | Problem | Iterable[Problem],
        *,
        file: str = "",
        row: int | None = None,
        column: str | None = None,
    ) -> None:
        if isinstance(problems, str):
            problems = Problem(problems, file=file, row=row, column=column)
        if isinstance(problems, Problem):
            problems = (problems,)
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[InputError], tuple[tuple[Problem, ...]]]:
        return (type(self), (self.problems,))  # survives the way back from a worker process


class InfeasibleError(PhylometaError):
    """The input is valid, but the question has no answer under the given restrictions (exit status 4)."""


class OccupiedError(PhylometaError):
    """A place to write holds files that phylometa did not write (exit status 2)."""


class BusyError(OccupiedError):
    """Another process is writing there (exit status 2)."""


_CAUSES = {
    errno.ENOSPC: "the disk is full; free some space or choose another directory",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another directory",
    errno.EFBIG: "the file is larger than the system allows",
    errno.EROFS: "the file system is read-only; choose another directory",
    errno.EACCES: "permission denied; choose a directory that you may write to",
    errno.EPERM: "the system does not permit it",
    errno.EMFILE: "too many open files; raise the limit (ulimit -n) or use fewer --jobs",
    errno.ENFILE: "too many open files on this machine",
    errno.ENOMEM: "out of memory; use fewer --jobs or a machine with more",
    errno.EIO: "the device failed (input/output error)",
    errno.ESTALE: "the network file system lost the file",
    errno.ENAMETOOLONG: "the name is longer than the file system allows",
    errno.ENOTDIR: "a part of the path is a file, not a directory",
    errno.EPIPE: "whoever read the output has gone",
    errno.EBADF: "the stream is closed",
}


def environment_cause(error: OSError | MemoryError) -> str:
    """What in the environment made a command fail, with the file it happened to; no defect of phylometa.

    Examples
    --------
    >>> environment_cause(OSError(28, "No space left on device", "out/x"))
    'out/x: the disk is full; free some space or choose another directory'
    """
    if isinstance(error, MemoryError):
        return _CAUSES[errno.ENOMEM]
    text = _CAUSES.get(error.errno or 0) or error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {text}" if error.filename else text
