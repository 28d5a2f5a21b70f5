"""Whose files: locks that go with their process, lists of files, and nothing foreign that is ever replaced."""

import json
import multiprocessing
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phylometa.cli.options import check_output_file
from phylometa.errors import BusyError, OccupiedError
from phylometa.io import ownership
from phylometa.io.ownership import (
    MANIFEST,
    MARK,
    check_ours,
    foreign_files,
    listed_files,
    locked,
    remove_leftovers,
    replace_directory,
    replace_file,
    replace_part,
)


def write(path, text="x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def make_result(target, **files):
    with replace_directory(target) as partial:
        for name, text in (files or {"trees/trees.json": "t", "summary.json": "s"}).items():
            write(partial / name, text)


# --- lists of files


def test_a_result_lists_its_files_and_can_be_replaced(tmp_path):
    make_result(tmp_path / "P")
    assert set(listed_files(tmp_path / "P")) == {"trees/trees.json", "summary.json"}
    make_result(tmp_path / "P", **{"other.txt": "o"})
    assert sorted(path.name for path in (tmp_path / "P").iterdir()) == [MANIFEST, "other.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["P"]


def link(directory, name):
    (directory / name).symlink_to(directory.parent / "moved")


FOREIGN = {
    "a note beside the results": lambda p: write(p / "notes.txt"),
    "a folder": lambda p: write(p / "my_curated/table.tsv"),
    "an empty folder": lambda p: (p / "my_curated").mkdir(),
    "raw data": lambda p: write(p / "my_raw_data.bam"),
    "a file in a stage's folder": lambda p: write(p / "trees/mine.nwk"),
    "a hidden file": lambda p: write(p / ".notes"),
    "a link": lambda p: (p / "link").symlink_to(p.parent),
    "a link in place of a file": lambda p: (
        (p / "summary.json").unlink(),
        (p / "summary.json").symlink_to("/etc/hosts"),
    ),
    "a result that was changed": lambda p: write(p / "summary.json", "{}"),
    "no list of files": lambda p: write(p / MANIFEST, "{}"),
    "a damaged list": lambda p: write(p / MANIFEST, '{"files": {"summary.json": "0'),
    "a list of another kind": lambda p: write(p / MANIFEST, '{"files": ["notes.txt"]}'),
    "no manifest, but a summary": lambda p: (p / MANIFEST).unlink(),
    "a folder like a half-written one": lambda p: write(p / ".P.partial-abc/data"),
}


@pytest.mark.parametrize("change", FOREIGN.values(), ids=FOREIGN)
def test_what_is_not_listed_is_named_and_never_replaced(change, tmp_path):
    target = tmp_path / "P"
    make_result(target)
    change(target)
    before = {path: path.read_bytes() for path in target.rglob("*") if path.is_file() and not path.is_symlink()}
    with pytest.raises(OccupiedError) as caught:
        make_result(target)
    assert str(target) in str(caught.value) and "nothing was replaced" in str(caught.value)
    assert {path: path.read_bytes() for path in before} == before
    assert {path.name for path in tmp_path.iterdir()} <= {"P", "moved"}


def test_what_appears_while_the_block_runs_is_kept_too(tmp_path):
    target = tmp_path / "P"
    make_result(target)
    with pytest.raises(OccupiedError, match="notes.txt"), replace_directory(target) as partial:
        (partial / "new").write_text("n")
        write(target / "notes.txt", "precious")
    assert (target / "notes.txt").read_text() == "precious"
    assert (target / "summary.json").read_text() == "s"


def test_only_force_replaces_edited_results_and_even_that_no_foreign_ones(tmp_path):
    target = tmp_path / "P"
    make_result(target)
    write(target / "summary.json", "edited")
    with pytest.raises(OccupiedError, match="summary.json .changed.*--force"):
        check_ours(target)
    check_ours(target, force=True)
    write(target / "notes.txt")
    with pytest.raises(OccupiedError, match="notes.txt"), replace_directory(target, force=True):
        pass


def test_a_part_is_replaced_and_listed_alone(tmp_path):
    make_result(tmp_path / "P")
    with replace_part(tmp_path / "P", "figures") as partial:
        write(partial / "a.svg")
    assert set(listed_files(tmp_path / "P")) == {"trees/trees.json", "summary.json", "figures/a.svg"}
    write(tmp_path / "P/figures/mine.svg")
    with pytest.raises(OccupiedError, match="figures/mine.svg"), replace_part(tmp_path / "P", "figures"):
        pass
    write(tmp_path / "P/notes.txt")  # beside the part: in nobody's way
    (tmp_path / "P/figures/mine.svg").unlink()
    with replace_part(tmp_path / "P", "figures") as partial:
        write(partial / "b.svg")
    assert foreign_files(tmp_path / "P") == ["notes.txt"]


@given(
    st.lists(st.sampled_from(["a", "b/c", "b/d", ".e", "f/.g"]), unique=True), st.sampled_from(["a", "b/c", "z", "y/z"])
)
def test_exactly_what_was_not_written_is_foreign(tmp_path_factory, names, extra):
    target = tmp_path_factory.mktemp("own") / "P"
    make_result(target, **dict.fromkeys(names or ["a"], "x"))
    write(target / extra, "mine")
    is_known = extra in (names or ["a"])
    assert foreign_files(target) == [f"{extra} (changed since it was written)" if is_known else extra]


# --- locks


def hold(path, ready, seconds):
    with locked(Path(path)):
        ready.set()
        time.sleep(seconds)


def test_a_lock_is_held_by_one_and_says_by_whom(tmp_path):
    with locked(tmp_path / "P"):
        record = json.loads((tmp_path / ".P.lock").read_text())
        assert record["pid"] == os.getpid() and record["host"] == platform.node()
        with pytest.raises(BusyError, match=f"process {os.getpid()} of this host"), locked(tmp_path / "P", wait=False):
            pass
        with locked(tmp_path / "Q", wait=False):  # another patient is free
            pass
    assert list(tmp_path.iterdir()) == []


def test_who_waits_gets_it_in_the_end(tmp_path):
    said, order = [], []

    def second():
        with locked(tmp_path / "P", on_wait=said.append):
            order.append("second")

    with locked(tmp_path / "P"):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.3)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"] and len(said) == 1


def test_a_lock_goes_with_its_process_even_if_it_is_killed(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=hold, args=(str(tmp_path / "P"), ready, 60))
    process.start()
    assert ready.wait(60)
    with pytest.raises(BusyError, match=str(process.pid)), locked(tmp_path / "P", wait=False):
        pass
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert (tmp_path / ".P.lock").exists()
    with locked(tmp_path / "P", wait=False):
        pass
    assert not (tmp_path / ".P.lock").exists()


@pytest.mark.parametrize(("age", "is_free"), [(0, False), (ownership.EXPIRES_AFTER + 10, True)])
def test_the_lock_of_another_host_expires(age, is_free, tmp_path):
    lock = tmp_path / ".P.lock"
    lock.write_text(json.dumps({"pid": 1, "host": "elsewhere", "start": "1"}))
    os.utime(lock, (time.time() - age,) * 2)
    if is_free:
        with locked(tmp_path / "P", wait=False):
            pass
    else:
        with pytest.raises(BusyError, match="process 1 on elsewhere"), locked(tmp_path / "P", wait=False):
            pass


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1}'])
def test_a_lock_file_that_says_nothing_is_no_lock(text, tmp_path):
    (tmp_path / ".P.lock").write_text(text)
    with locked(tmp_path / "P", wait=False):
        pass


def test_without_the_systems_locks_the_file_decides(tmp_path, monkeypatch):
    monkeypatch.setattr(ownership, "fcntl", None)
    with locked(tmp_path / "P"), pytest.raises(BusyError, match="of this host"), locked(tmp_path / "P", wait=False):
        pass
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (tmp_path / ".P.lock").write_text(json.dumps({"pid": dead.pid, "host": platform.node(), "start": "0"}))
    with locked(tmp_path / "P", wait=False):
        pass


def test_a_process_with_the_number_of_a_dead_one_is_another(monkeypatch):
    monkeypatch.setattr(ownership, "fcntl", None)
    text = json.dumps({"pid": os.getpid(), "host": platform.node(), "start": "1"})
    assert ownership._holder(text, 0.0, is_flock_free=False) is (None if Path("/proc/self/stat").exists() else not None)


def add_one(path, n):
    for _ in range(n):
        with locked(Path(path)):
            value = int(Path(path).read_text())
            time.sleep(0.001)
            Path(path).write_text(str(value + 1))


def test_many_processes_never_hold_it_at_once(tmp_path):
    counter = tmp_path / "counter"
    counter.write_text("0")
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=add_one, args=(str(counter), 25)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert counter.read_text() == "100"


# --- half-written folders


def test_only_marked_folders_of_dead_processes_are_cleaned_up(tmp_path):
    kept = [".backup.old-2020", ".P.partial-mine", ".P.old-1", ".other.partial-x"]
    for name in kept:
        write(tmp_path / name / "data")
    write(tmp_path / ".Q.partial-abcd1234" / MARK, "Q")
    write(tmp_path / ".R.partial-abcd1234" / MARK, "R")
    write(tmp_path / ".lock")  # a user's file
    write(tmp_path / ".user.lock", "not ours")
    with locked(tmp_path / "R"):
        write(tmp_path / ".R.partial-abcd1234" / MARK, "R")  # `locked` cleaned up; this one is being written now
        remove_leftovers(tmp_path)
        assert (tmp_path / ".R.partial-abcd1234").exists()
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*kept, ".lock", ".user.lock"])


def test_what_was_killed_before_it_said_whose_it_is_goes_if_the_name_is_known(tmp_path):
    """A worker dies between making its lock, or its folder, and writing in it; what holds anything stays."""
    for name in ("P", "Q", "other"):
        write(tmp_path / f".{name}.lock", "")
        (tmp_path / f".{name}.partial-abcd123_").mkdir()
    write(tmp_path / ".Q.partial-ab12cd34" / MARK, "")
    kept = [".P.partial-mine", ".P.partial-withdata", ".P.partial-x.partial-abcd1234"]
    (tmp_path / kept[0]).mkdir()
    write(tmp_path / kept[1] / "data")
    (tmp_path / kept[2]).mkdir()
    with locked(tmp_path / "S"):
        remove_leftovers(tmp_path, ["P", "Q", "S", "nobody"])
        assert (tmp_path / ".S.lock").exists()
    assert {path.name for path in tmp_path.iterdir()} == {*kept, ".other.lock", ".other.partial-abcd123_"}


def test_a_folder_of_a_patient_whose_name_goes_on_is_not_cleaned_up(tmp_path):
    write(tmp_path / ".P.partial-x.partial-abcd1234" / MARK, "P.partial-x")
    with locked(tmp_path / "P"):
        pass
    assert (tmp_path / ".P.partial-x.partial-abcd1234").exists()


def test_an_earlier_result_that_was_set_aside_is_put_back(tmp_path):
    make_result(tmp_path / "P")
    folder = tmp_path / ".P.partial-abcd1234"
    write(folder / MARK, "P")
    (tmp_path / "P").rename(folder / "earlier")  # killed between two renames
    with locked(tmp_path / "P"):
        assert (tmp_path / "P/summary.json").read_text() == "s"
    assert [path.name for path in tmp_path.iterdir()] == ["P"]


def test_nothing_is_left_of_a_block_that_fails(tmp_path):
    make_result(tmp_path / "P")
    with pytest.raises(RuntimeError), replace_directory(tmp_path / "P") as partial:
        write(partial / "half")
        raise RuntimeError
    with pytest.raises(RuntimeError), replace_file(tmp_path / "file") as partial:
        partial.write_text("half")
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["P"]
    assert (tmp_path / "P/summary.json").read_text() == "s"


# --- files that are none


def test_a_device_is_written_through_and_stays_a_device(tmp_path):
    if not hasattr(os, "mknod") or os.geteuid() != 0:
        pytest.skip("needs a device of its own: root")
    device = tmp_path / "null"
    try:
        os.mknod(device, 0o666 | 0o020000, os.makedev(1, 3))
        device.write_text("")
    except OSError:
        pytest.skip("no devices here")
    assert check_output_file(device) == device  # no --force needed
    with replace_file(device) as partial:
        partial.write_text("gone")
    assert device.is_char_device()
    assert [path.name for path in tmp_path.iterdir()] == ["null"]


def test_a_fifo_is_written_through(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    found = []
    reader = threading.Thread(target=lambda: found.append(fifo.read_text()))
    reader.start()
    with replace_file(fifo) as partial:
        partial.write_text("text")
    reader.join(10)
    assert found == ["text"] and fifo.is_fifo()


def test_a_link_is_followed_and_stays(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    with replace_file(tmp_path / "link") as partial:
        partial.write_text("new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_text() == "new"


def test_directories_and_sockets_are_refused(tmp_path):
    import socket

    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(tmp_path)
        server.bind("socket")
        for name in ("folder", "socket"):
            with pytest.raises(OccupiedError, match="neither a file nor a stream"), replace_file(tmp_path / name):
                pass
