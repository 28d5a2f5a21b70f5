"""Worker processes that end with the process that started them, however that ends."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor

__all__ = ["WorkerPool", "end_with_parent"]

PR_SET_PDEATHSIG = 1
LOOKED_EVERY = 0.5


def end_with_parent(parent: int) -> None:
    """Have this process killed once process `parent`, which started it, is gone.

    Linux does it by itself, also within compiled code; elsewhere a thread looks every half second.
    """
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):  # a libc without prctl
            ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the call
        os._exit(1)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOKED_EVERY)
    os._exit(1)


def _start(parent: int) -> None:
    """What a worker does first: Ctrl-C is the parent's to handle, which then ends the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(parent)


class WorkerPool(ProcessPoolExecutor):
    """A pool of `n_workers` processes, one thread each, that end with this process."""

    def __init__(self, n_workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        super().__init__(n_workers, mp_context=context, initializer=_start, initargs=(os.getpid(),))

    def kill_workers(self) -> None:
        """Kill what still runs: its patients are half-written, and their folders are cleaned up after."""
        processes = list((self._processes or {}).values())
        self.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()
        for process in processes:
            process.join(5)
