"""A translated template with its parameters filled in: what CloudFormation would be left with, as plain values."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from local.template.reading import Template

PSEUDO = {
    "AWS::StackName": "darkroom",
    "AWS::Region": "eu-central-1",
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}
_NOTHING = object()
"""What AWS::NoValue leaves: the property is not there."""


def resolve(template: Template, parameters: Mapping[str, Any] | None = None) -> Template:
    """The template as it stands with these parameters (else their defaults).

    Resources whose condition is false are gone, and so are outputs. A reference to a resource becomes its logical
    name, an attribute `Name.Attribute`.
    """
    given = {name: entry.get("Default", "") for name, entry in template.get("Parameters", {}).items()}
    resolution = _Resolution(template, {**given, **(parameters or {})})
    return {
        "Resources": resolution.kept(template["Resources"]),
        "Outputs": resolution.kept(template.get("Outputs", {})),
    }


class _Resolution:
    def __init__(self, template: Template, parameters: Mapping[str, Any]) -> None:
        self._conditions = template.get("Conditions", {})
        self._parameters = parameters
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Condition": self.holds,
            "Fn::If": self._if,
            "Fn::Sub": self._sub,
            "Fn::GetAtt": lambda value: value if isinstance(value, str) else ".".join(value),
            "Fn::Equals": lambda value: str(self.value(value[0])) == str(self.value(value[1])),
            "Fn::Not": lambda value: not self.value(value[0]),
            "Fn::And": lambda value: all(map(self.value, value)),
            "Fn::Or": lambda value: any(map(self.value, value)),
            "Fn::Join": lambda value: str(value[0]).join(map(str, self.value(value[1]))),
            "Fn::Select": lambda value: self.value(value[1])[int(value[0])],
            "Fn::Split": lambda value: str(self.value(value[1])).split(value[0]),
        }

    def kept(self, entries: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: self.value({key: part for key, part in entry.items() if key != "Condition"})
            for name, entry in entries.items()
            if "Condition" not in entry or self.holds(entry["Condition"])
        }

    def holds(self, condition: str) -> bool:
        return bool(self.value(self._conditions[condition]))

    def value(self, value: Any) -> Any:
        if isinstance(value, list):
            found = [self.value(each) for each in value]
            return [each for each in found if each is not _NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument), *_ = value.items()
            # An IAM statement has a `Condition` as well, which is no name of one.
            if name in self._functions and not (name == "Condition" and not isinstance(argument, str)):
                return self._functions[name](argument)
        found_parts = {name: self.value(part) for name, part in value.items()}
        return {name: part for name, part in found_parts.items() if part is not _NOTHING}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NOTHING
        return PSEUDO.get(name, self._parameters.get(name, name))

    def _if(self, value: list[Any]) -> Any:
        condition, yes, no = value
        return self.value(yes if self.holds(condition) else no)

    def _sub(self, value: Any) -> str:
        text, names = (value, {}) if isinstance(value, str) else value

        def found(match: re.Match[str]) -> str:
            name = match[1]
            return str(self.value(names[name]) if name in names else self._ref(name))

        return re.sub(r"\$\{([^!}]+)\}", found, text)
