"""What a setting may be: its type, range and unit beside its default, checked however the value comes.

A settings class derives from `Checked` and writes the range into the annotation::

    @dataclass(frozen=True, slots=True)
    class ReadSettings(Checked):
        min_base_quality: Annotated[int, Range(0, 93, "Phred")] = 20

The check runs if the object is made in Python, from a TOML file, from the command line or from a manifest.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from phylometa.errors import InputError, Problem

__all__ = ["Checked", "Letters", "Range", "changed", "rule_of", "rules_of"]


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high` in a unit.

    Parameters
    ----------
    low, high : float
        Both ends belong to the range unless `above` or `below` is set. ``high=inf`` allows infinity itself.
    unit : str
        What the number counts or measures: ``"reads"``, ``"probability"``, ``"s"``.
    above, below : bool
        Leave out the lower, the upper end.
    zero : bool
        Allow 0 too, although it lies below `low` ("0: estimated from the data").

    Examples
    --------
    >>> str(Range(0, 0.5, "probability", above=True))
    'more than 0, at most 0.5 (probability)'
    >>> 3 in Range(0, 2, "reads"), float("nan") in Range(0, math.inf, "reads")
    (False, False)
    """

    low: float
    high: float
    unit: str
    above: bool = False
    below: bool = False
    zero: bool = False

    def __contains__(self, value: float) -> bool:
        if self.zero and value == 0:
            return True
        is_high_enough = value > self.low if self.above else value >= self.low
        return is_high_enough and (value < self.high if self.below else value <= self.high)

    def __str__(self) -> str:
        low, high = _plain(self.low), _plain(self.high)
        if self.above or self.below:
            text = (
                f"{'more than' if self.above else 'at least'} {low}, {'less than' if self.below else 'at most'} {high}"
            )
        else:
            text = f"{low} to {high}"
        return f"{'0, or ' if self.zero else ''}{text} ({self.unit})"


@dataclass(frozen=True)
class Letters:
    """Some of the letters of `alphabet`, in any order, each once, at least one."""

    alphabet: str

    def __contains__(self, value: str) -> bool:
        upper = value.upper()
        return 0 < len(upper) == len(set(upper)) and set(upper) <= set(self.alphabet)

    def __str__(self) -> str:
        return f"letters of {self.alphabet} by priority, each at most once"


def _plain(number: float) -> str:
    return "infinity" if number == math.inf else f"{number:,.15g}" if abs(number) < 1e7 else f"{number:.15g}"


@dataclass(frozen=True)
class Rule:
    """What one setting may be: its kind (bool, int, float, str or tuple), allowed words, and range."""

    kind: type
    item: type | None = None
    choices: tuple[str, ...] = ()
    limit: Range | Letters | None = None

    @property
    def expected(self) -> str:
        """The kind in words."""
        words = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
        if self.kind is tuple:
            return f"a list, each of it {words[self.item or str]}"
        return words[self.kind]

    def accept(self, value: Any) -> Any:
        """`value` as the setting holds it (a whole number serves as a float, a list as a tuple).

        Raises
        ------
        ValueError
            Saying what was expected.
        """
        if self.kind is tuple:
            if not isinstance(value, (list, tuple)):
                raise ValueError(f"{value!r} is not {self.expected}")
            one = Rule(self.item or str, limit=self.limit)
            return tuple(one.accept(item) for item in value)
        found = self._converted(value)
        if self.choices and found not in self.choices:
            raise ValueError(f"{value!r} is none of {', '.join(self.choices)}")
        if self.limit is not None and found not in self.limit:
            raise ValueError(f"{found!r} is outside {self.limit}")
        return found

    def _converted(self, value: Any) -> Any:
        is_bool = isinstance(value, bool) or type(value).__name__ == "bool_"
        if self.kind is bool and is_bool:
            return bool(value)
        if self.kind is int and isinstance(value, numbers.Integral) and not is_bool:
            return int(value)
        if self.kind is float and isinstance(value, numbers.Real) and not is_bool:
            try:
                return float(value)
            except OverflowError:
                raise ValueError(f"{value!r} is outside {self.limit or 'what a number can be'}") from None
        if self.kind is str and isinstance(value, str):
            return value
        raise ValueError(f"{value!r} is not {self.expected}")


@cache
def rules_of(kind: Any) -> dict[str, Rule]:
    """Map each setting of a settings class to its rule; stages of `Settings` have none."""
    hints = get_type_hints(kind, include_extras=True)
    rules = {item.name: rule_of(hints[item.name]) for item in fields(kind)}
    return {name: rule for name, rule in rules.items() if rule is not None}


def rule_of(hint: Any) -> Rule | None:
    """Find the rule that a setting's annotation states; None if it is no plain value (a stage of `Settings`)."""
    limit = None
    if get_origin(hint) is Annotated:
        hint, *extras = get_args(hint)
        limit = next((extra for extra in extras if isinstance(extra, (Range, Letters))), None)
    if get_origin(hint) is Literal:
        return Rule(str, choices=get_args(hint))
    if get_origin(hint) is tuple:
        return Rule(tuple, item=get_args(hint)[0], limit=limit)
    return Rule(hint, limit=limit) if hint in (bool, int, float, str) else None


class Checked:
    """Base of a settings dataclass: a value of the wrong type or outside its range cannot be made.

    Raises
    ------
    InputError
        Naming every such setting, its range and its unit.
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        kind: Any = type(self)
        problems = []
        for name, rule in rules_of(kind).items():
            value = getattr(self, name)
            try:
                accepted = rule.accept(value)
            except ValueError as error:
                problems.append(Problem(str(error), file=kind.__name__, column=name))
                continue
            if accepted is not value:
                object.__setattr__(self, name, accepted)
        if not problems:
            problems = [Problem(text, file=kind.__name__, column=name) for name, text in self.contradictions()]
        if problems:
            raise InputError(problems)

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """(setting, message) for every pair of settings that cannot go together; none unless a class says so."""
        return iter(())


def changed(stage: Any, values: Mapping[str, Any], prefix: str, source: str, problems: list[Problem]) -> Any:
    """Apply `values` to one stage's settings; what does not fit is appended to `problems` (in place).

    Parameters
    ----------
    stage : Checked
    values : mapping
        Name of a setting -> value as TOML or JSON gives it; null stands for infinity (JSON has none).
    prefix, source : str
        Put before a setting's name, and the file's name, in messages.
    problems : list of Problem
    """
    kind: Any = type(stage)
    rules = rules_of(kind)
    found = {}
    for key, value in values.items():
        if isinstance(getattr(stage, key, None), Checked) and isinstance(value, Mapping):
            found[key] = changed(getattr(stage, key), value, f"{prefix}{key}.", source, problems)
            continue
        if key not in rules:
            problems.append(Problem(f"unknown setting; known: {', '.join(rules)}", file=source, column=prefix + key))
            continue
        try:
            found[key] = rules[key].accept(math.inf if value is None and rules[key].kind is float else value)
        except ValueError as error:
            problems.append(Problem(str(error), file=source, column=prefix + key))
    try:
        return dataclasses.replace(stage, **found)
    except InputError as error:
        problems += [Problem(p.message, file=source, column=f"{prefix}{p.column}") for p in error.problems]
        return stage
