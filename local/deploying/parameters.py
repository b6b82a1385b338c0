"""Which value every parameter of the template gets.

All are passed with every deployment: CloudFormation keeps the value of a parameter that is not given, and a changed
default of a newer template would never arrive (aws/aws-sam-cli#4180). What somebody chose is kept, though: a value of
the running stack that is not the default of the template that it runs was chosen, whoever deployed it and however.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.deploying.guide import GaveUp

PREFIX = "DARKROOM_PARAMETER_"
COMPUTED = "Release"
"""The one that is never chosen: a hash over everything that is deployed."""


@dataclass(frozen=True)
class Running:
    """What the running stack was given, and what its own template would have given it."""

    values: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, client: Any, stack: str) -> "Running":
        """The parameters of an existing stack."""
        (found,) = client.describe_stacks(StackName=stack)["Stacks"]
        summary = client.get_template_summary(StackName=stack)
        values = {each["ParameterKey"]: each.get("ParameterValue", "") for each in found.get("Parameters", [])}
        defaults = {
            each["ParameterKey"]: each["DefaultValue"] for each in summary["Parameters"] if "DefaultValue" in each
        }
        return cls(values, defaults)

    def chosen(self) -> dict[str, str]:
        """The values that somebody chose: a value that is its template's default is no choice."""
        return {
            name: value
            for name, value in self.values.items()
            if name != COMPUTED and value != self.defaults.get(name)
        }  # fmt: skip


def given_by(environment: Mapping[str, str], declared: Mapping[str, Any]) -> dict[str, str]:
    """The parameters that the environment gives as DARKROOM_PARAMETER_<Name>. Raises `GaveUp` for an unknown name."""
    given = {name.removeprefix(PREFIX): value for name, value in environment.items() if name.startswith(PREFIX)}
    for name in given:
        if name not in declared:
            raise GaveUp(f"{PREFIX}{name}: the template has no such parameter; it has {', '.join(sorted(declared))}")
    given.pop(COMPUTED, None)
    return given


def defaults_of(declared: Mapping[str, Any]) -> dict[str, str]:
    """Every parameter's default, as the text that CloudFormation makes of it."""
    return {name: _text(entry["Default"]) for name, entry in declared.items()}


def decided(declared: Mapping[str, Any], running: Running, given: Mapping[str, str]) -> dict[str, str]:
    """Every parameter but the release: given now, else chosen before, else the default. Raises `GaveUp` for a value
    that the template does not allow."""
    chosen = {name: value for name, value in running.chosen().items() if name in declared}
    values = {**defaults_of(declared), **chosen, **given}
    values.pop(COMPUTED, None)
    faults = [fault for name, value in values.items() for fault in _faults(name, value, declared[name])]
    if faults:
        raise GaveUp("\n".join(faults))
    return values


def told(running: Running, values: Mapping[str, str]) -> list[str]:
    """What to say about them: each that is not at its default of old, or that changes."""
    lines = []
    for name, value in sorted(values.items()):
        before = running.values.get(name)
        if before is not None and before != value:
            lines.append(f"  {name}: {before or '(empty)'} becomes {value or '(empty)'}")
        elif name in running.chosen():
            lines.append(f"  {name}: stays {value or '(empty)'}, as chosen before")
    lines += [f"  {name}: is no longer a parameter" for name in sorted(running.values) if _gone(name, values)]
    return lines


def _gone(name: str, values: Mapping[str, str]) -> bool:
    return name not in values and name != COMPUTED


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _faults(name: str, value: str, entry: Mapping[str, Any]) -> Iterator[str]:
    """What CloudFormation would say of it, minutes later."""
    allowed = [_text(each) for each in entry.get("AllowedValues", [])]
    if allowed and value not in allowed:
        yield f"parameter {name} is {value!r}: one of {', '.join(allowed)}"
    if entry["Type"] == "Number":
        if not re.fullmatch(r"-?\d+(\.\d+)?", value):
            yield f"parameter {name} is {value!r}: a number"
            return
        low, high = float(entry.get("MinValue", "-inf")), float(entry.get("MaxValue", "inf"))
        if not low <= float(value) <= high:
            yield f"parameter {name} is {value}: from {entry.get('MinValue', '')} to {entry.get('MaxValue', '')}"
    if "AllowedPattern" in entry and not re.fullmatch(entry["AllowedPattern"], value):
        yield f"parameter {name} is {value!r}: has to match {entry['AllowedPattern']}"
