"""An AWS that answers what a test says, in that order, to calls that botocore's own models check."""

from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.stub import Stubber

from local.deploying.guide import Guide
from local.deploying.target import Target

ACCOUNT = "123456789012"
STACK_ID = f"arn:aws:cloudformation:eu-central-1:{ACCOUNT}:stack/shop/0a1b"


@dataclass
class ScriptedTarget(Target):
    """A target whose clients answer as scripted."""

    stubs: dict[str, Stubber] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        return self._stub(service).client

    def answers(
        self, service: str, operation: str, answer: dict[str, Any], asked: dict[str, Any] | None = None
    ) -> None:
        """The next call is this one, with these parameters where they are given, and gets this answer."""
        self._stub(service).add_response(operation, answer, asked)

    def refuses(self, service: str, operation: str, code: str, message: str = "no") -> None:
        """The next call is this one, and is refused."""
        self._stub(service).add_client_error(operation, code, message)

    def assert_all_asked(self) -> None:
        """Every scripted call was made."""
        for stub in self.stubs.values():
            stub.assert_no_pending_responses()

    def _stub(self, service: str) -> Stubber:
        if service not in self.stubs:
            client = self.session.client(service)  # type: ignore[call-overload]
            self.stubs[service] = Stubber(client)
            self.stubs[service].activate()
        return self.stubs[service]


def scripted(caller: str = f"arn:aws:iam::{ACCOUNT}:user/ops") -> ScriptedTarget:
    """A target in Frankfurt, with nothing scripted yet."""
    session = boto3.Session("key", "secret", region_name="eu-central-1")
    return ScriptedTarget(session, "shop", "eu-central-1", ACCOUNT, caller)


def stack(status: str, **more: Any) -> dict[str, Any]:
    """An answer of `describe_stacks`."""
    found = {"StackName": "shop", "StackId": STACK_ID, "CreationTime": "2026-01-01T00:00:00Z", "StackStatus": status}
    return {"Stacks": [{**found, **more}]}


def pipeline(**environment: str) -> Guide:
    """A guide without a terminal."""
    return Guide(environment, interactive=False)


class Person:
    """Somebody at a terminal, who answers by the words of the question."""

    def __init__(self, **answers: str) -> None:
        self.answers, self.asked = answers, list[str]()

    def __call__(self, question: str) -> str:
        self.asked.append(question)
        return next((answer for words, answer in self.answers.items() if words.replace("_", " ") in question), "")


def terminal(person: Person, **environment: str) -> Guide:
    """A guide with somebody at its terminal."""
    return Guide(environment, interactive=True, ask=person, ask_secret=person)
