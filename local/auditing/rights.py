"""The functions' rights against the calls they made: `python -m local.auditing.rights FOLDER`, after tests.

The emulator enforces every role, so a call without a right fails by itself. What this finds is the other half: a right
that no call ever used. Each stack keeps what its roles may do beside the calls that they made, in the folder that
DARKROOM_CALLS names.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.paths import ROOT

if TYPE_CHECKING:
    from local.stack.emulator import Emulator

END = ["", "", "end"]
"""The last line of a stack that ended in good order: without it some of its calls may be missing."""
BY_AWS = {
    "logs:CreateLogStream": "Lambda writes the log",
    "logs:PutLogEvents": "Lambda writes the log",
    "xray:PutTraceSegments": "Lambda sends the traces",
    "xray:PutTelemetryRecords": "Lambda sends the traces",
    "sqs:ReceiveMessage": "the event source mapping polls",
    "sqs:DeleteMessage": "the event source mapping deletes what was handled",
    "sqs:GetQueueAttributes": "the event source mapping looks at its queue",
    "dynamodb:DescribeStream": "the event source mapping reads the stream",
    "dynamodb:GetRecords": "the event source mapping reads the stream",
    "dynamodb:GetShardIterator": "the event source mapping reads the stream",
    "dynamodb:ListStreams": "the event source mapping reads the stream",
    "iam:PassRole": "checked by Scheduler together with CreateSchedule, under the same statement's role",
}
"""Rights that AWS itself uses in a function's name."""
SHORTEST_NAME = 8
"""Characters: what is shorter, as a layer's version number, is found in anything."""
SAME = {"sqs:SendMessageBatch": "sqs:SendMessage"}
"""What the emulator names differently (`local/stack/emulator_gaps.py`)."""


@dataclass(frozen=True, order=True, slots=True)
class Right:
    """One action on one resource for one role, all by their names in the template."""

    role: str
    action: str
    resource: str

    def __str__(self) -> str:
        return f"{self.role} may {self.action} on {self.resource}"


USED_FOR_US = {
    ("NotifyRole", "s3:PutObject"): "Lambda keeps what is given up on, as the function's OnFailure says",
    ("NotifyRole", "s3:ListBucket"): "Lambda looks whether the bucket is there (Retain discarded records)",
    ("SchedulerRole", "sqs:SendMessage"): "Scheduler sends the message of a schedule that is due",
}
"""Rights that AWS uses with a role of ours, and the emulator without one."""
LINKED = ("s3:GetObject", "Bucket/tasks/*")
"""A link is good for what its signer may read, which is asked when the link is used: the emulator does not ask."""
RARE: Mapping[tuple[str, str, str], str] = {
    ("CallbackRole", "sqs:SendMessage", "LookQueue"): "test_a_callback_that_has_to_be_confirmed_is_a_hint_only",
    ("DemoRole", "dynamodb:UpdateItem", "AccountsTable"): ("test_a_key_that_asks_too_often_is_told_when_to_ask_again"),
    ("DialectsRole", "s3:PutObject", "Bucket/results/*"): "test_acedata_answers_at_once_where_it_is_asked_to",
    ("DialectsRole", "s3:DeleteObject", "Bucket/tasks/*/references/*"): (
        "test_a_refused_task_leaves_no_reference_behind"
    ),
    ("DialectsRole", "sqs:SendMessage", "IngestQueue"): "test_acedata_answers_at_once_where_it_is_asked_to",
    ("SubmitRole", "s3:PutObject", "Bucket/results/*"): "test_acedata_answers_at_once_where_it_is_asked_to",
    ("SubmitRole", "sqs:SendMessage", "IngestQueue"): "test_acedata_answers_at_once_where_it_is_asked_to",
    ("GenerateRole", "s3:PutObject", "Bucket/results/*"): "test_acedata_answers_at_once_where_it_is_asked_to",
    ("GenerateRole", "sqs:SendMessage", "LookQueue"): "test_a_cancellation_while_sending_keeps_the_id_to_cancel_by",
    ("IntakeRole", "s3:DeleteObject", "Bucket/tasks/*/references/*"): (
        "test_a_refused_task_leaves_no_reference_behind"
    ),
    ("NotifyRole", "dynamodb:GetItem", "TasksTable"): "test_a_record_that_comes_late_is_not_announced_a_second_time",
    ("ReconcileRole", "dynamodb:GetItem", "TasksTable"): ("test_it_survives_the_death_of_its_function_at_any_call"),
    ("ReconcileRole", "dynamodb:DeleteItem", "AccountsTable"): (
        "test_the_reconciler_goes_on_and_forgets_the_receipt_in_the_end"
    ),
    ("ReconcileRole", "s3:DeleteObject", "Bucket/results/*"): (
        "test_nothing_that_names_the_owner_is_left_and_nothing_of_anybody_else_is_touched"
    ),
    ("AdminRole", "s3:DeleteObject", "Bucket/results/*"): (
        "test_nothing_that_names_the_owner_is_left_and_nothing_of_anybody_else_is_touched"
    ),
}
"""Rights that only a rare fault uses, each with the test that has the fault. They may be used, and need not be."""


def keep_rights(emulator: "Emulator", stack: str) -> None:
    """Keep what every role of a stack may do, with the names of its resources, beside the record of calls."""
    found = emulator.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    iam = emulator.client("iam")
    roles = {}
    for resource in found:
        if resource["ResourceType"] == "AWS::IAM::Role":
            name = resource["PhysicalResourceId"]
            policies = iam.list_role_policies(RoleName=name)["PolicyNames"]
            documents = [iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in policies]
            roles[name] = [statement for document in documents for statement in document["Statement"]]
    names = {resource["PhysicalResourceId"]: resource["LogicalResourceId"] for resource in found}
    _rights_file(emulator.calls).write_text(json.dumps({"roles": roles, "names": names}))


def close_record(calls: Path) -> None:
    """Say that a stack ended in good order."""
    with calls.open("a") as lines:
        lines.write(json.dumps(END) + "\n")


def _rights_file(calls: Path) -> Path:
    return calls.with_suffix(".rights.json")


class Records:
    """The records of all stacks of a run."""

    def __init__(self, folder: Path) -> None:
        self.granted: set[Right] = set()
        self.used: set[Right] = set()
        self.stacks = 0
        self.partial: list[str] = []
        for kept in sorted(folder.glob("*.rights.json")):
            self._read(kept)

    def _read(self, kept: Path) -> None:
        whole = json.loads(kept.read_text())
        record = kept.with_name(kept.name.replace(".rights.json", ".jsonl"))
        calls = [json.loads(line) for line in record.read_text().splitlines()]
        self.stacks += 1
        if END not in calls:
            self.partial.append(kept.name)
        # Longest first: one name may be the beginning of another.
        names = sorted(whole["names"].items(), key=lambda pair: -len(pair[0]))
        for role, statements in whole["roles"].items():
            made = [(SAME.get(action, action), resource) for name, action, resource in calls if name == role]
            for action, pattern in _granted(statements):
                right = Right(whole["names"][role], action, _logical(pattern, names))
                self.granted.add(right)
                if any(action == done and fnmatchcase(resource, pattern) for done, resource in made):
                    self.used.add(right)

    def unused(self) -> list[Right]:
        """What was granted and never used, by nobody's rule."""
        idle = self.granted - self.used
        return sorted(
            right
            for right in idle
            if right.action not in BY_AWS
            and (right.role, right.action) not in USED_FOR_US
            and (right.action, right.resource) != LINKED
            and (right.role, right.action, right.resource) not in RARE
        )

    def wrongly_rare(self) -> list[str]:
        """What is listed as rare and is not granted any more, or whose test is not there."""
        granted = {(right.role, right.action, right.resource) for right in self.granted}
        tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
        found = [f"{' '.join(right)} is granted no more" for right in RARE if right not in granted]
        return found + [f"there is no {test}" for test in set(RARE.values()) if f"def {test}(" not in tests]


def _granted(statements: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for statement in statements:
        actions, resources = statement["Action"], statement["Resource"]
        for action in [actions] if isinstance(actions, str) else actions:
            for resource in [resources] if isinstance(resources, str) else resources:
                if action not in SAME:
                    yield action, resource


def _logical(pattern: str, names: Iterable[tuple[str, str]]) -> str:
    """A resource with the template's name of it in the place of its own."""
    for physical, logical in names:
        short = physical.rpartition("/")[2].rpartition(":")[2]
        for text in (physical, short):
            if len(text) >= SHORTEST_NAME and text in pattern:
                return f"{logical}{pattern.partition(text)[2]}"
    return pattern


def main() -> int:
    """Compare. Returns the exit code: 1 for a right that is never used, and for records that are not whole."""
    folder = Path(sys.argv[1])
    records = Records(folder)
    faults = [f"{right}, and never does" for right in records.unused()]
    faults += records.wrongly_rare()
    faults += [f"the record {name} is not whole: its stack did not end in good order" for name in records.partial]
    if not records.stacks:
        faults.append(f"there are no records in {folder}: run the end-to-end tests first, with DARKROOM_CALLS={folder}")
    for fault in faults:
        print(fault)
    used = len(records.used)
    print(f"rights: {used} of {len(records.granted)} used in {records.stacks} stacks, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
