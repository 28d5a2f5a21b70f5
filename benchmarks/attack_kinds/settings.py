"""Settings and options outside their range."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, get_type_hints

from attack_kinds.ground import Ground, Try, call, is_clean
from phylometa.config import Settings
from phylometa.errors import InputError
from phylometa.reference.setting_rules import Checked, Letters, Range, rule_of


def settings(ground: Ground) -> Iterator[Try]:
    """Every setting of every table outside its range, from TOML and from Python, and options."""

    path = ground.folder / "settings.toml"

    def toml(table: str, name: str, value: object) -> bool:
        text = str(value) if isinstance(value, float) and not math.isfinite(value) else json.dumps(value)
        path.write_text(f"[{table}]\n{name} = {text}\n")
        status, printed = call("run", ground.sheet, "-o", ground.folder / "never", "--config", path)
        return status == 3 and f"{table}.{name}: " in printed and is_clean(status, printed)

    def python(kind: Any, name: str, value: object) -> bool:
        try:
            kind(**{name: value})
        except InputError as error:
            return error.problems[0].column == name
        return False

    tables = {item.name: type(getattr(Settings(), item.name)) for item in fields(Settings)}
    for table, kind in tables.items():
        if not (isinstance(kind, type) and issubclass(kind, Checked)):
            continue
        for name, hint in get_type_hints(kind, include_extras=True).items():
            rule = rule_of(hint)
            if rule is None:
                continue
            limit = rule.limit
            wrong: list[object] = ["XYZ", [], [1]]
            if rule.kind is str and not rule.choices and not isinstance(limit, Letters):
                wrong = [1, [], True]
            if rule.kind is tuple:
                wrong = ["XYZ", [[1]], 3]
            if isinstance(limit, Range):
                below = limit.low if limit.above else limit.low / 2 if limit.zero else limit.low - 1
                wrong += [math.nan, -math.inf, -1e300, below]
                if limit.high < math.inf:
                    wrong += [math.inf, limit.high * 2 + 1]
            for value in wrong:
                yield f"[{table}] {name} = {value}", lambda t=table, n=name, v=value: toml(t, n, v)
                yield f"{kind.__name__}({name}={value})", lambda k=kind, n=name, v=value: python(k, n, v)
    for option, value in (("--seed", "-1"), ("--seed", "x"), ("--jobs", "0"), ("--cn-missing", "perhaps")):
        yield f"run {option} {value}", lambda o=option, v=value: call("run", ground.sheet, "-o", "x", o, v)[0] == 2
    for value in ("XYZ", "", "UU", "U M", "1", "umx"):
        arguments = ("seeding", ground.folder / "cases.json", "-o", "-", "--criteria", value)
        yield (
            f"--criteria {value!r}",
            lambda a=arguments: (found := call(*a))[0] == 2 and "--criteria" in found[1] and is_clean(*found),
        )
