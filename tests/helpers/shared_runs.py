"""Folders that take long to make, made once for all processes of pytest-xdist."""

import fcntl
import os
import shutil


def made_once(tmp_path_factory, name, make):
    """The folder `name` after `make(folder)`: by the first process that asks; the others wait. Only read it."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder, done = base / name, base / f"{name}.made"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a process that failed
            folder.mkdir()
            make(folder)
            done.touch()
    return folder
