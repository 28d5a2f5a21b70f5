"""The machine around: disk, streams, permissions."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from attack_kinds.ground import Ground, Try, call, is_clean, snapshot


def environment(ground: Ground) -> Iterator[Try]:
    """Every write failing by every cause; streams that are full, closed or of another encoding."""

    causes = ("ENOSPC", "EDQUOT", "EROFS", "EACCES", "EIO", "EMFILE", "ENOMEM", "ESTALE", "ENAMETOOLONG")

    def failing(name: str, after: int) -> bool:
        here, number, count = ground.copy(), getattr(errno, name), Counter()
        write = Path.write_text

        def broken(path: Path, *arguments: Any, **options: Any) -> int:
            count["n"] += 1
            if count["n"] > after:
                raise OSError(number, os.strerror(number), str(path))
            return write(path, *arguments, **options)

        before = snapshot(here)
        with mock.patch.object(Path, "write_text", broken):
            status, text = call("report", here)
        return is_clean(status, text) and status in (0, 1) and (status == 0 or snapshot(here) == before)

    for name in causes:
        for after in range(6):
            yield f"{name} after {after} writes", lambda n=name, a=after: failing(n, a)

    def shell(line: str, status: int) -> bool:
        command = line.format(python=sys.executable, sheet=ground.sheet, result=ground.result)
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
        return done.returncode == status and is_clean(done.returncode, done.stderr)

    run = "{python} -m phylometa"
    for line, status in (
        (f"{run} status {{result}} > /dev/full", 1),
        (f"{run} counts {{sheet}} -o - > /dev/full", 1),
        (f"{run} status {{result}} >&-", 1),
        (f"{run} counts {{sheet}} -o - >&-", 1),
        (f"{run} status {{result}} 2>&-", 0),
        (f"{run} status {{result}} <&-", 0),
        (f"PYTHONIOENCODING=latin-1 {run} validate {{sheet}}", 0),
        (f"LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 {run} validate {{sheet}}", 0),
    ):
        yield line, lambda li=line, s=status: shell(li, s)
