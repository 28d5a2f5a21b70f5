"""Kernels compiled by Numba, found again wherever the package is installed.

Compiled code is looked for beside the source (a wheel brings it along), which may be read-only, and then in a
directory of the user's own, where what is missing is kept: ``NUMBA_CACHE_DIR`` if it is set, the package's own folder
if it can be written, ``XDG_CACHE_HOME`` or ``~/.cache``, or the directory for temporary files. If none can be written,
kernels are compiled in memory. The key is the text of all sources with kernels, Numba's version and the processor.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numba

__all__ = ["njit", "njit_without_arrays"]

_PACKAGE = Path(__file__).parents[1]


def _is_private(folder: Path) -> bool:
    """Whether only we can write there: compiled code is run, so nobody else's may be."""
    if not hasattr(os, "getuid"):
        return True
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022


def _candidates(package_folder: Path) -> Iterator[tuple[Path, bool]]:
    """(directory, whether it must be ours alone) to keep compiled code in, the best first."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    tail = hashlib.sha256(str(package_folder).encode()).hexdigest()[:16]
    if chosen:
        yield Path(chosen) / f"phylometa-{tail}", False
    yield package_folder, False
    home = os.environ.get("HOME")
    base = os.environ.get("XDG_CACHE_HOME") or (home and os.path.join(home, ".cache"))
    if base and os.path.isabs(base):
        yield Path(base) / "phylometa" / tail, True
    try:
        scratch = tempfile.gettempdir()
    except OSError:
        return
    user = os.getuid() if hasattr(os, "getuid") else "user"
    yield Path(scratch) / f"phylometa-kernels-{user}" / tail, True


@cache
def _own_folder(package_folder: Path) -> Path | None:
    """The first directory that can be written; None if there is none."""
    for folder, is_to_be_private in _candidates(package_folder):
        try:
            if is_to_be_private:
                folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700 if is_to_be_private else 0o777, parents=True, exist_ok=True)
            if is_to_be_private and not (_is_private(folder) and _is_private(folder.parent)):
                continue
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return None


@cache
def _stamp(package: Path) -> bytes:
    """The content of every source with kernels, not its time: a copied or unpacked package keeps its compiled code.

    A kernel holds those that it calls, also of other modules: a change in one makes all anew.
    """
    sources = (path.read_bytes() for path in sorted(package.rglob("*.py")))
    return hashlib.sha256(b"".join(text for text in sources if b"import njit" in text)).digest()


class _Locator:
    """Where Numba finds the compiled code of a function, in the shape that its cache expects."""

    folder: Path

    def __init__(self, function: Any, file: str) -> None:
        self._file, self._line = file, function.__code__.co_firstlineno

    @classmethod
    def from_function(cls, function: Any, file: str) -> _Locator:
        return cls(function, file)

    def get_cache_path(self) -> str:
        return str(self.folder)

    def ensure_cache_path(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def get_source_stamp(self) -> bytes:
        return _stamp(_PACKAGE)

    def get_disambiguator(self) -> str:
        return str(self._line)


@cache
def _cache_class(folder: Path) -> Any:
    """Numba's cache of functions, kept in `folder`."""
    from numba.core import caching

    locator = type("Locator", (_Locator,), {"folder": folder})
    implementation: Any = type("Implementation", (caching.CompileResultCacheImpl,), {"_locator_classes": [locator]})
    return type("Cache", (caching.FunctionCache,), {"_impl_class": implementation})


class _Caches:
    """The package's compiled code, then the user's own; in the shape of a Numba cache."""

    def __init__(self, function: Any) -> None:
        shipped = Path(function.__code__.co_filename).parent / "__pycache__"
        own = _own_folder(shipped)
        self._own = None if own is None else _cache_class(own)(function)
        self._read = [_cache_class(folder)(function) for folder in dict.fromkeys((shipped, own)) if folder is not None]

    @property
    def cache_path(self) -> str | None:
        return None if self._own is None else str(self._own.cache_path)

    def load_overload(self, signature: Any, target: Any) -> Any:
        for kept in self._read:
            try:
                found = kept.load_overload(signature, target)
            except (OSError, EOFError, ValueError, KeyError, ImportError, AttributeError):  # damaged, or cannot be read
                continue
            if found is not None:
                return found
        return None

    def save_overload(self, signature: Any, result: Any) -> None:
        if self._own is not None:
            try:
                self._own.save_overload(signature, result)
            except OSError:  # a full disk costs the next run some seconds, not this one its result
                return

    def enable(self) -> None:
        """Nothing to do: always on."""

    def disable(self) -> None:
        self._own, self._read = None, []

    def flush(self) -> None:
        if self._own is not None:
            self._own.flush()


def njit(*, cache: bool = True, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Wrap `numba.njit`; its compiled code is kept as this module describes.

    Parameters
    ----------
    cache : bool
    options
        Of `numba.njit`.

    Returns
    -------
    callable
        A decorator.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        # Other threads run meanwhile: one of them ends the program on Ctrl-C (cli/interrupts).
        dispatcher = numba.njit(nogil=True, **options)(function)
        if cache and hasattr(dispatcher, "_cache"):  # not if NUMBA_DISABLE_JIT is set
            try:
                dispatcher._cache = _Caches(function)
            except (ImportError, AttributeError, TypeError, RuntimeError):  # a Numba whose cache has another shape
                return numba.njit(**options)(function)
        return dispatcher

    return decorate


def njit_without_arrays(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Wrap `numba.njit` for what another kernel calls in its inner loop, and what makes no array.

    References to the arrays it is given are not counted: two atomic operations an array and use, which cost the
    samplers a third to two thirds of their time. With `forceinline` the caller does not count them either.

    Parameters
    ----------
    options
        Of `numba.njit`.

    Returns
    -------
    callable
        A decorator.
    """
    return njit(_nrt=False, **options)
