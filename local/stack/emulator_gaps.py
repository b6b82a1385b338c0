"""Where the emulator's CloudFormation reads a template differently from AWS, the template is rewritten for it."""

from collections.abc import Iterator
from typing import Any

from local.template.reading import Template, resources

POLLED_AT_ONCE = 3
"""Handlers at work at once for each queue."""


def rewrite(translated: Template) -> Template:
    """The translated template in the form in which the emulator makes of it what AWS would."""
    _spare_the_machine(translated)
    _name_secrets_by_arn(translated)
    _allow_message_batches(translated)
    _answer_whole(translated)
    _find_schedules_in_the_default_group(translated)
    return translated


def _spare_the_machine(translated: Template) -> None:
    """A message whose handler finds no place is hidden there for its whole visibility time; AWS waits for a place.

    So all pollers together, and the front, ask for no more handlers than the emulator runs. (A number parameter would
    besides arrive there as a text, over which its poller stumbles.)
    """
    for mapping in resources(translated, "AWS::Lambda::EventSourceMapping").values():
        if "Stream" not in str(mapping["Properties"]["EventSourceArn"]):
            mapping["Properties"]["ScalingConfig"] = {"MaximumConcurrency": POLLED_AT_ONCE}


def _name_secrets_by_arn(translated: Template) -> None:
    """A secret's `Ref` is its name there, and no policy matches a name: on AWS it is the ARN."""
    secrets = resources(translated, "AWS::SecretsManager::Secret").keys()
    for statement in _statements(translated):
        statement["Resource"] = _named(statement["Resource"], secrets)


def _allow_message_batches(translated: Template) -> None:
    """Sending a batch of messages wants a right of its own there: on AWS it is `sqs:SendMessage` too."""
    for statement in _statements(translated):
        if "sqs:SendMessage" in statement["Action"]:
            statement["Action"] = [*statement["Action"], "sqs:SendMessageBatch"]


def _answer_whole(translated: Template) -> None:
    """No runtime streams there, and what is not streamed is then not taken for an answer of HTTP."""
    for url in resources(translated, "AWS::Lambda::Url").values():
        url["Properties"]["InvokeMode"] = "BUFFERED"


def _find_schedules_in_the_default_group(translated: Template) -> None:
    """A right to make schedules is looked for under the default group there, whichever group they are made in."""
    for statement in _statements(translated):
        if "scheduler:CreateSchedule" in statement["Action"]:
            wanted = statement["Resource"]["Fn::Sub"]
            statement["Resource"] = {"Fn::Sub": wanted.replace("schedule/${ScheduleGroup}/", "schedule/default/")}


def _statements(translated: Template) -> Iterator[dict[str, Any]]:
    for role in resources(translated, "AWS::IAM::Role").values():
        for policy in role["Properties"].get("Policies", []):
            yield from policy["PolicyDocument"]["Statement"]


def _named(resource: Any, secrets: Any) -> Any:
    if isinstance(resource, list):
        return [_named(each, secrets) for each in resource]
    if isinstance(resource, dict) and resource.get("Ref") in secrets:
        name = resource["Ref"]
        place = "${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}"
        return {"Fn::Sub": f"arn:{place}:secret:${{{name}}}-*"}
    return resource
