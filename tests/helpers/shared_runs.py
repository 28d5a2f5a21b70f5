"""Folders that take long to make, made once for all processes of pytest-xdist."""

import fcntl
import os
import shutil

# Bundled patient -> its run with the default settings, as the pages have it.
REAL_COMMANDS = {
    "demo": "phylometa demo -o demo --no-plots",
    "a22": "phylometa run sample_data/gundem_a22/samples.tsv -o a22 --no-plots",
    "a31": "phylometa run sample_data/gundem_a31/samples.tsv -o a31 --no-plots",
}


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
