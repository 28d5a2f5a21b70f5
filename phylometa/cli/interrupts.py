"""Ctrl-C and SIGTERM end the program within two seconds, also in the middle of compiled code.

Python looks at signals between its own instructions only; a compiled kernel may run for longer. A thread is woken by
the signal at once (kernels let other threads run) and gives the main thread a moment to see it. A main thread that
sees it is given the time to clean up; in place of one that does not, the thread cleans up and leaves.
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

__all__ = ["end_of_command", "install", "was_interrupted"]

GRACE_SECONDS = 1.0
# For ending workers and removing what they were writing; a fraction of a second unless the machine is overloaded.
CLEAN_UP_SECONDS = 5.0
EXIT_INTERRUPTED = 130
_is_ending = threading.Event()
_has_ended = threading.Event()


def install() -> None:
    """Watch for SIGINT and SIGTERM from here on; the first of them raises KeyboardInterrupt in the main thread."""
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else ignored, as in a job in the background
        signal.signal(signal.SIGINT, _interrupt)
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(read_end,), daemon=True).start()


def end_of_command() -> None:
    """Say that the command has ended by itself."""
    _has_ended.set()


def was_interrupted() -> bool:
    """Whether the first signal was seen: compiled code may turn the interrupt into an error of its own."""
    return _is_ending.is_set()


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise once: a second signal would interrupt the clean-up."""
    if not _is_ending.is_set():
        _is_ending.set()
        raise KeyboardInterrupt


def _watch(descriptor: int) -> None:
    while True:
        number = os.read(descriptor, 1)
        if number and number[0] in (signal.SIGINT, signal.SIGTERM):
            break
    if _has_ended.wait(GRACE_SECONDS) or (_is_ending.is_set() and _has_ended.wait(CLEAN_UP_SECONDS)):
        return
    from phylometa.io.ownership import abandon

    abandon()
    os.write(2, b"interrupted; nothing half-written was left\n")
    os._exit(EXIT_INTERRUPTED)
