"""Whose a directory is: a lock while it is written, a list of its files when it is done, and nothing foreign touched.

One process at a time writes a patient. It holds ``.NAME.lock`` beside the patient's directory (process id, host, start
of the process); the lock goes with the process, and one on another host that is not renewed for `EXPIRES_AFTER`
seconds is void. What is half-written lies in ``.NAME.partial-XXXXXXXX``, a folder that holds `MARK`; only folders with
that mark, and empty ones of that name, are ever cleaned up, and only by the holder of the lock. ``manifest.json`` lists
every file of a result with its SHA-256; a directory is replaced only if all that it holds stands in that list,
unchanged.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from phylometa.errors import BusyError, OccupiedError
from phylometa.io.files import sha256_of

try:
    import fcntl
except ImportError:  # no such module on Windows
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "EXPIRES_AFTER",
    "MANIFEST",
    "abandon",
    "check_ours",
    "foreign_files",
    "is_whole",
    "listed_files",
    "list_files",
    "locked",
    "remove_leftovers",
    "replace_directory",
    "replace_file",
    "replace_part",
]

MANIFEST = "manifest.json"
# What this process is writing just now, for `abandon`.
_open_folders: dict[Path, Path] = {}
_held_locks: set[Path] = set()
MARK = ".phylometa-partial"
# A lock of another host is renewed every so many seconds, and void after so many without.
RENEWED_EVERY, EXPIRES_AFTER = 20.0, 300.0
SHOWN = 8


# Locks


def _start_of(pid: int) -> str:
    """When a process of this host started, in the kernel's own count; '' if the system does not tell."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]


def _is_alive(pid: int, start: str) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError, ValueError):
        pass
    found = _start_of(pid)
    return not (found and start) or found == start


def _holder(text: str, age: float, *, is_flock_free: bool) -> str | None:
    """Who holds a lock file with `text` that is `age` seconds old, in words; None if nobody does any more.

    The system's own lock goes with its process; if it is free, only another host can still hold the file.
    """
    try:
        record = json.loads(text)
        pid, host, start = int(record["pid"]), str(record["host"]), str(record["start"])
    except (ValueError, KeyError, TypeError):
        return "a process that has just started" if age < 5.0 and not is_flock_free else None
    if host != platform.node():
        return f"process {pid} on {host}" if age < EXPIRES_AFTER else None
    return f"process {pid} of this host" if not is_flock_free and _is_alive(pid, start) else None


class _Lock:
    """An open lock file."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self.descriptor = path, descriptor
        record = {"pid": os.getpid(), "host": platform.node(), "start": _start_of(os.getpid())}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(record).encode(), 0)
        _held_locks.add(path)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self._thread.start()

    def _renew(self) -> None:
        while not self._over.wait(RENEWED_EVERY):
            with contextlib.suppress(OSError):
                os.utime(self.descriptor)

    def release(self) -> None:
        _held_locks.discard(self.path)
        self._over.set()
        self._thread.join()
        with contextlib.suppress(OSError):
            if os.fstat(self.descriptor).st_ino == os.stat(self.path).st_ino:
                os.unlink(self.path)
        os.close(self.descriptor)


def _flock(descriptor: int) -> str:
    """Take the system's lock: ``free`` (it is ours now), ``held`` by another process, or ``none`` on this system."""
    if fcntl is None:
        return "none"
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return "held"
    except OSError:  # a file system without locks: what the file says decides
        return "none"
    return "free"


def _try_lock(path: Path) -> _Lock | str:
    """The lock, or who holds it."""
    while True:
        is_new = True
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            is_new = False
            try:
                descriptor = os.open(path, os.O_RDWR)
            except FileNotFoundError:  # its holder has just let go
                continue
        try:
            state = _flock(descriptor)
            found = os.fstat(descriptor)
            try:
                is_same = os.stat(path).st_ino == found.st_ino
            except FileNotFoundError:
                is_same = False
            if is_same:
                text = os.pread(descriptor, 4096, 0).decode("utf-8", "replace")
                age = 0.0 if state == "held" else time.time() - found.st_mtime
                holder = None if is_new else _holder(text, age, is_flock_free=state == "free")
                if state == "held":
                    holder = holder or "another process"
                if holder is None:
                    lock = _Lock(path, descriptor)
                    descriptor = -1
                    return lock
                return holder
        finally:
            if descriptor >= 0:
                os.close(descriptor)


@contextmanager
def locked(target: Path, *, wait: bool = True, on_wait: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold the lock of `target`, a file or directory that need not exist yet.

    Parameters
    ----------
    target : Path
    wait : bool
        Wait until whoever holds it is done.
    on_wait : callable (who holds it), optional
        Called once before waiting.

    Raises
    ------
    BusyError
        Another process holds it and `wait` is false.
    """
    target = Path(os.path.abspath(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    path = target.with_name(f".{target.name}.lock")
    found = _try_lock(path)
    is_said = False
    while isinstance(found, str):
        if not wait:
            raise BusyError(f"{target} is being written by {found}")
        if on_wait is not None and not is_said:
            on_wait(found)
            is_said = True
        time.sleep(0.1)
        found = _try_lock(path)
    try:
        _clean_up(target)
        yield
    finally:
        found.release()


# Half-written folders


def _prefix(target: Path) -> str:
    return f".{target.name.encode()[:180].decode(errors='ignore')}.partial-"


@contextmanager
def _partial(target: Path) -> Iterator[Path]:
    """A fresh marked folder beside `target`, gone at the end whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix=_prefix(target), dir=target.parent))
    try:
        _open_folders[folder] = target
        (folder / MARK).write_text(target.name, encoding="utf-8")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _open_folders.pop(folder, None)


def _target_of(folder: Path) -> Path | None:
    """What a half-written folder was to become; None if it is none of ours."""
    if ".partial-" not in folder.name or folder.is_symlink():
        return None
    try:
        name = (folder / MARK).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    target = folder.with_name(name) if name and "/" not in name and "\0" not in name else None
    return target if target is not None and folder.name.startswith(_prefix(target)) else None


def _clean_up(target: Path) -> None:
    """Remove what killed processes left half-written of `target`, whose lock is held.

    Only folders with `MARK` go, and empty ones that were not marked yet; an earlier result that was set aside and not
    yet replaced is put back.
    """
    for folder in list(target.parent.iterdir()):
        if not folder.name.startswith("."):
            continue
        if _target_of(folder) == target:
            _remove_folder(folder, target)
        elif _is_begun(folder, target):
            _remove_unmarked(folder)


def _is_begun(folder: Path, target: Path) -> bool:
    """Whether a folder has the name of one that is begun for `target`, as `tempfile.mkdtemp` makes them."""
    prefix = _prefix(target)
    return folder.name.startswith(prefix) and bool(re.fullmatch(r"[a-z0-9_]{8}", folder.name[len(prefix) :]))


def _remove_unmarked(folder: Path) -> None:
    """Remove a folder whose process was killed before it had marked it; one that holds anything stays."""
    with contextlib.suppress(OSError):
        if not folder.is_symlink() and [path.name for path in folder.iterdir()] == [MARK]:
            mark = folder / MARK
            if mark.is_file() and not mark.is_symlink() and not mark.stat().st_size:
                mark.unlink()
        folder.rmdir()


def _remove_folder(folder: Path, target: Path) -> None:
    earlier = folder / "earlier"
    if earlier.exists() and not target.exists():
        os.rename(earlier, target)
    shutil.rmtree(folder, ignore_errors=True)


def abandon() -> None:
    """Give up what this process is writing, as if it had never begun; for a process about to end."""
    for folder, target in list(_open_folders.items()):
        with contextlib.suppress(OSError):
            _remove_folder(folder, target)
    for path in list(_held_locks):
        with contextlib.suppress(OSError):
            path.unlink()


def remove_leftovers(directory: Path, names: Iterable[str] = ()) -> None:
    """Remove what killed processes left in `directory`: marked half-written folders and locks nobody holds any more.

    What a living process writes stays, and so does every hidden folder that phylometa did not make. Of the targets with
    the given `names`, also a lock and an empty folder whose process was killed before it had written whose they are.
    """
    if not directory.is_dir():
        return
    directory = Path(os.path.abspath(directory))
    targets = {target for folder in directory.iterdir() if (target := _target_of(folder)) is not None}
    for path in directory.glob(".*.lock"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            if path.stat().st_size < 4096 and {"pid", "host", "start"} == set(json.loads(path.read_text())):
                targets.add(path.with_name(path.name[1 : -len(".lock")]))
    for target in (directory / name for name in names):
        lock = target.with_name(f".{target.name}.lock")
        is_begun = lock.is_file() and not lock.is_symlink() and not lock.stat().st_size
        if is_begun or any(_is_begun(path, target) for path in directory.iterdir()):
            targets.add(target)
    for target in sorted(targets):
        with contextlib.suppress(BusyError), locked(target, wait=False):
            pass


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def replace_directory(target: str | Path, *, force: bool = False) -> Iterator[Path]:
    """Open a fresh directory to write into; if the block ends well it replaces `target`, with a list of its files.

    Nothing of it is left if the block fails or is interrupted, and `target` is then as it was.

    Parameters
    ----------
    target : path
    force : bool
        Replace files of `target` that were changed by hand (never files that phylometa did not write).

    Raises
    ------
    OccupiedError
        `target` holds files that are not listed in its manifest: they would be lost.
    """
    target = Path(os.path.abspath(target))
    check_ours(target, force=force)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _partial(target) as folder:
        made = folder / target.name
        made.mkdir()
        yield made
        made.chmod(0o777 & ~_umask())
        list_files(made)
        check_ours(target, force=force)  # once more: the block may have taken an hour
        _swap(made, target, folder)


@contextmanager
def replace_part(directory: str | Path, name: str, *, force: bool = False) -> Iterator[Path]:
    """Apply `replace_directory` to the subdirectory `name` of a result; the manifest of `directory` lists its files.

    The caller holds the lock of `directory`.
    """
    directory = Path(os.path.abspath(directory))
    directory.mkdir(parents=True, exist_ok=True)
    check_ours(directory, name, force=force)
    with _partial(directory) as folder:
        made = folder / name
        made.mkdir()
        yield made
        made.chmod(0o777 & ~_umask())
        check_ours(directory, name, force=force)
        _swap(made, directory / name, folder)
        list_files(directory, name)


def _swap(made: Path, target: Path, folder: Path) -> None:
    """Put `made` in the place of `target`, which is set aside in `folder` until then."""
    if target.exists() or target.is_symlink():
        earlier = folder / "earlier"
        os.rename(target, earlier)
        try:
            os.rename(made, target)
        except BaseException:
            os.rename(earlier, target)
            raise
    else:
        os.rename(made, target)


@contextmanager
def replace_file(path: str | Path) -> Iterator[Path]:
    """Open a file to write into that takes the name `path` if the block ends well, and is gone if it fails.

    A link is followed. A device or FIFO (``/dev/null``, ``/dev/stdout``) is written through, never replaced.

    Raises
    ------
    OccupiedError
        `path` is a directory, a socket or a disk.
    """
    target = Path(os.path.realpath(path))
    kind = kind_of(target)
    if kind == "through":
        with tempfile.TemporaryDirectory(prefix="phylometa-") as scratch:
            made = Path(scratch) / "file"
            yield made
            with open(made, "rb") as source, open(target, "wb") as sink:
                shutil.copyfileobj(source, sink)
        return
    if kind == "other":
        raise OccupiedError(f"{path} is neither a file nor a stream: not replaced")
    with _partial(target) as folder:
        made = folder / target.name
        yield made
        if target.exists():
            made.chmod(stat.S_IMODE(target.stat().st_mode))
        os.replace(made, target)


def kind_of(path: Path) -> str:
    """What may be done with `path`: ``file`` (replaced), ``through`` (a stream, written into), ``other`` (refused)."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return "file"
    if stat.S_ISREG(mode):
        return "file"
    return "through" if stat.S_ISCHR(mode) or stat.S_ISFIFO(mode) else "other"


# Lists of files


def _files(directory: Path, name: str = "") -> Iterator[tuple[str, Path]]:
    """(path relative to `directory`, path) of all that is no directory, and of empty directories; links stay links."""
    start = directory / name
    if start.is_symlink() or start.is_file():
        yield name, start
        return
    for folder, folders, files in os.walk(start):
        folders[:] = [entry for entry in folders if _target_of(Path(folder) / entry) is None]  # half-written, ours
        links = [entry for entry in folders if (Path(folder) / entry).is_symlink()]
        for entry in sorted((*files, *links)):
            path = Path(folder) / entry
            yield path.relative_to(directory).as_posix(), path
        if not folders and not files and Path(folder) != start:
            yield Path(folder).relative_to(directory).as_posix() + "/", Path(folder)


def _read_manifest(directory: Path) -> dict[str, Any]:
    try:
        document = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def listed_files(directory: Path) -> dict[str, str]:
    """Map every file (relative path) that the manifest of `directory` lists to its SHA-256; {} without a manifest."""
    files = _read_manifest(directory).get("files")
    return {str(name): str(digest) for name, digest in files.items()} if isinstance(files, Mapping) else {}


def list_files(directory: Path, *names: str) -> None:
    """Bring the list in the manifest of `directory` up to date: for all files, or below the entries `names` only."""
    document = _read_manifest(directory)
    known = {} if not names else listed_files(directory)
    for name in names:
        known = {path: digest for path, digest in known.items() if path != name and not path.startswith(f"{name}/")}
    for name in names or ("",):
        if not (directory / name).exists():
            continue
        for relative, path in _files(directory, name):
            if relative != MANIFEST and not relative.endswith("/"):
                known[relative] = sha256_of(path)
    document["files"] = dict(sorted(known.items()))
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    with replace_file(directory / MANIFEST) as made:
        made.write_text(text, encoding="utf-8")


def is_whole(directory: Path) -> bool:
    """Return whether every file that the manifest of `directory` lists is there with the bytes it had."""
    known = listed_files(directory)
    return bool(known) and all(
        (directory / name).is_file() and sha256_of(directory / name) == digest for name, digest in known.items()
    )


def foreign_files(directory: Path, name: str = "", *, force: bool = False) -> list[str]:
    """List what stands in `directory` (or its entry `name`) that phylometa did not write, or that was changed since."""
    start = directory / name
    if not start.exists() or (start.is_symlink() and not name):  # of a link the link alone is replaced
        return []
    known = listed_files(directory)
    found = []
    for relative, path in _files(directory, name):
        if relative == MANIFEST and known:
            continue
        if relative not in known or path.is_symlink():
            found.append(relative)
        elif not force and sha256_of(path) != known[relative]:
            found.append(f"{relative} (changed since it was written)")
    return found


def check_ours(target: str | Path, name: str = "", *, force: bool = False) -> None:
    """Refuse to replace `target` (or its entry `name`) if files of somebody else would be lost with it.

    Raises
    ------
    OccupiedError
        Naming the files.
    """
    target = Path(target)
    where = target / name if name else target
    found = foreign_files(target, name, force=force)
    if found:
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        is_edited = all(entry.endswith("written)") for entry in found)
        remedy = "move them away, or add --force" if is_edited else "move them away or choose another directory"
        raise OccupiedError(
            f"{where} holds files that phylometa did not write: {', '.join(found[:SHOWN])}{more}; "
            f"nothing was replaced; {remedy}"
        )
