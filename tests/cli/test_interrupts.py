"""Signals: a main thread that sees one may finish its clean-up; one that does not is left by the watching thread."""

import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.system
# Cleans up for longer than the moment that a main thread is given to see the signal.
CLEANS_UP = """
import sys, time
from phylometa.cli.interrupts import end_of_command, install
install()
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(1.5)
    print("clean", flush=True)
    end_of_command()
    sys.exit(130)
"""
# Never sees it: a hash of minutes, without the interpreter's lock, stands for a compiled kernel.
SEES_NOTHING = """
import hashlib
from phylometa.cli.interrupts import install
install()
print("ready", flush=True)
hashlib.pbkdf2_hmac("sha256", b"a", b"b", 10**9)
"""


def interrupted(code, *signals):
    """(exit status, what was printed after the start, seconds to the end) of a process that gets the signals."""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout.readline() == "ready\n"
    started = time.monotonic()
    for number in signals:
        time.sleep(0.2)
        process.send_signal(number)
    out, err = process.communicate(timeout=30)
    return process.returncode, out + err, time.monotonic() - started


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_clean_up_that_has_begun_is_finished(number):
    status, said, _ = interrupted(CLEANS_UP, number, number)  # the second signal does not break into it
    assert (status, said) == (130, "clean\n")


def test_a_main_thread_that_does_not_see_the_signal_is_left():
    status, said, seconds = interrupted(SEES_NOTHING, signal.SIGTERM)
    assert status == 130 and "nothing half-written" in said
    assert seconds < 30
