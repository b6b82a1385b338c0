"""What holds data outlives mistakes, and leaves nothing behind a deployment that never came up."""

import json

import pytest

from local.template.reading import Template, read_template, resources

KEPT = ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SecretsManager::Secret")
GENERATED = {
    "SigningSecret": {
        "SecretStringTemplate": '{"callback": []}', "GenerateStringKey": "identity", "PasswordLength": 48,
        "ExcludePunctuation": True,
    },
    "ProviderSecret": {"SecretStringTemplate": "{}", "GenerateStringKey": "unused", "PasswordLength": 8},
}  # fmt: skip
"""Frozen for ever: a changed block makes CloudFormation generate the secret anew at the next update, and with it go all
task ids and callback tokens, or all providers' keys (cloudformation-coverage-roadmap#1161, #2210)."""


@pytest.mark.parametrize("kind", KEPT)
def test_data_is_kept_when_the_stack_goes_but_not_when_it_never_came_up(translated: Template, kind: str) -> None:
    """AWS::CloudFormation DeletionPolicy: RetainExceptOnCreate deletes what a rolled-back create has made."""
    found = resources(translated, kind)
    assert found
    for name, resource in found.items():
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain"), name


def test_blocks_that_generate_secrets_never_change() -> None:
    secrets = resources(read_template(), "AWS::SecretsManager::Secret")
    generated = {name: secret["Properties"]["GenerateSecretString"] for name, secret in secrets.items()}
    assert json.loads(json.dumps(generated)) == GENERATED


def test_tables_can_be_restored_and_protected(translated: Template) -> None:
    for name, table in resources(translated, "AWS::DynamoDB::Table").items():
        properties = table["Properties"]
        assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True, name
        assert properties["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}, name
        assert properties["SSESpecification"]["SSEEnabled"] is True, name
