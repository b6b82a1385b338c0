"""An upgrade reaches every function at once."""

import copy
from typing import Any

from local.template.reading import Template, read_template, resources
from local.template.resolution import resolve
from local.template.translation import translate


def called(template: Template) -> set[str]:
    """What the API calls."""
    integrations = resources(template, "AWS::ApiGatewayV2::Integration").values()
    return {found["Properties"]["IntegrationUri"] for found in integrations}


def test_the_api_calls_functions_themselves_and_no_older_version_of_them(deployed: Template) -> None:
    """SAM publishes a version only where a function's own code changes: neither a layer's nor a parameter's change
    would reach an alias (serverless-application-model#3610, #3820), and all code is in the layer."""
    assert resources(deployed, "AWS::Lambda::Alias") == {}
    assert resources(deployed, "AWS::Lambda::Version") == {}
    assert all(uri.endswith("Function.Arn") for uri in called(deployed))


def test_with_snapstart_every_release_publishes_a_version_and_removes_the_last(translated: Template) -> None:
    """AWS::Lambda::Version: a new Description replaces the version, and Delete removes the old one."""
    first = resolve(translated, {"SnapStart": "PublishedVersions", "Release": "r1"})
    second = resolve(translated, {"SnapStart": "PublishedVersions", "Release": "r2"})
    versions = resources(first, "AWS::Lambda::Version")
    assert set(versions) == {"SubmitVersion", "StatusVersion", "CallbackVersion"}
    for name, version in versions.items():
        assert version["Properties"]["Description"] != second["Resources"][name]["Properties"]["Description"]
        assert translated["Resources"][name].get("DeletionPolicy", "Delete") == "Delete"
    assert {uri for uri in called(first) if uri.endswith("Alias")} == {"SubmitAlias", "StatusAlias", "CallbackAlias"}
    for alias in resources(first, "AWS::Lambda::Alias").values():
        assert alias["Properties"]["FunctionVersion"] in {f"{name}.Version" for name in versions}


def test_a_version_can_be_published_of_every_release(deployed: Template) -> None:
    """PublishVersion makes none where nothing changed since the last: every release changes the environment."""
    for function in resources(deployed, "AWS::Lambda::Function").values():
        assert "DARKROOM_RELEASE" in function["Properties"]["Environment"]["Variables"]


def test_snapstart_without_a_release_is_refused(translated: Template) -> None:
    rule = translated["Rules"]["SnapshotsNeedRelease"]
    assert rule["RuleCondition"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "SnapStart"}, "None"]}]}
    (assertion,) = rule["Assertions"]
    assert assertion["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "Release"}, "unreleased"]}]}
    assert translated["Parameters"]["Release"]["Default"] == "unreleased"


def test_a_changed_layer_is_a_new_version_of_it_for_every_function() -> None:
    def layers_of(content: str) -> tuple[str, list[Any]]:
        template = copy.deepcopy(read_template())
        template["Resources"]["DarkroomLayer"]["Properties"]["ContentUri"] = content
        there = resolve(translate(template))
        (name,) = resources(there, "AWS::Lambda::LayerVersion")
        return name, [f["Properties"]["Layers"] for f in resources(there, "AWS::Lambda::Function").values()]

    (before, _), (after, used) = layers_of("s3://b/first"), layers_of("s3://b/second")
    assert before != after
    assert used == [[after]] * len(used)


def test_a_layers_name_is_the_stacks_own(deployed: Template) -> None:
    """Layers are named once in an account and region: two stacks of one name would count each other's versions."""
    (layer,) = resources(deployed, "AWS::Lambda::LayerVersion").values()
    assert layer["Properties"]["LayerName"].startswith("darkroom-")
