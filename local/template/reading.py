"""Reading template.yaml: CloudFormation's short forms as the plain ones that every tool takes."""

from pathlib import Path
from typing import Any

import yaml

from local.paths import TEMPLATE

Template = dict[str, Any]


# In C where the wheel has it, ten times faster: hundreds of tests read the template.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):  # type: ignore[misc]
    """YAML with CloudFormation's tags."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt":
        return {"Fn::GetAtt": value.split(".", 1)}
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)
# CloudFormation's dates and times are texts.
_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_template(path: Path = TEMPLATE) -> Template:
    """A template as plain values: the project's own, else the one at `path`."""
    template: Template = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a safe loader
    return template


def resources(template: Template, kind: str) -> dict[str, Any]:
    """The resources of a type, by their names."""
    return {name: found for name, found in template["Resources"].items() if found["Type"] == kind}
