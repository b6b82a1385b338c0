"""Lambda ends a chain of about sixteen invocations that feed each other, unless the function allows it, and then
nothing but our own code ends it.

docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html: `RecursiveLoop`, and the header by which a chain is
followed through SQS.
"""

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkroom.aws.delays import MAX_QUEUE_DELAY, jittered
from darkroom.aws.queues import Message, message_body
from darkroom.images.retry_schedule import IMAGE_WAITS
from darkroom.observability import logger
from darkroom.submission.intake_queue import MAX_INTAKE_WAITS, intake_wait
from darkroom.submission.polling_schedule import MAX_POLLS, poll_wait
from darkroom.tasks import transitions
from darkroom.tasks.messages import Copy, Poll, Submission
from darkroom.tasks.schedule import COPYING_LIMIT, MAX_HOPS, MAX_TRIES
from darkroom.tasks.task import Task
from darkroom.tasks.update import Status
from darkroom.webhooks.delivery_log import DeliveryState
from darkroom.webhooks.event_bus import DETAIL_TYPES
from darkroom.webhooks.messages import Delivery
from darkroom.webhooks.retry_schedule import WEBHOOKS
from local.template.reading import Template, resources
from tests.hopeless import Hopeless
from tests.unit.tasks.test_transitions import NOW, a_task, accepted, copying, stored

# Who feeds whom, by the rights that the translated template gives.

Feeds = dict[str, set[str]]


def named(value: Any) -> str:
    """The resource that an ARN or a reference is of."""
    found = value.get("Ref") or value.get("Fn::GetAtt", [""])[0]
    assert found, f"not a resource of the stack: {value}"
    return str(found)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def rights(translated: Template, role: Any, action: str) -> Iterator[Any]:
    """What a role may do an action to."""
    for policy in translated["Resources"][named(role)]["Properties"].get("Policies", []):
        for statement in listed(policy["PolicyDocument"]["Statement"]):
            if action in listed(statement["Action"]):
                yield from listed(statement["Resource"])


def sent_to(translated: Template, role: Any) -> set[str]:
    """The queues that a function with this role may put messages into: itself, by a schedule, or by an event."""
    queues = {named(queue) for queue in rights(translated, role, "sqs:SendMessage")}
    if any(rights(translated, role, "scheduler:CreateSchedule")):
        for passed in rights(translated, role, "iam:PassRole"):
            queues |= {named(queue) for queue in rights(translated, passed, "sqs:SendMessage")}
    buses = {named(bus) for bus in rights(translated, role, "events:PutEvents")}
    for rule in resources(translated, "AWS::Events::Rule").values():
        if named(rule["Properties"].get("EventBusName", {"Ref": "default"})) in buses:
            queues |= {named(target["Arn"]) for target in rule["Properties"]["Targets"]}
    return queues


def fed_by(translated: Template) -> Feeds:
    """The functions that each queue feeds."""
    found: Feeds = {}
    for mapping in resources(translated, "AWS::Lambda::EventSourceMapping").values():
        source = named(mapping["Properties"]["EventSourceArn"])
        found.setdefault(source, set()).add(named(mapping["Properties"]["FunctionName"]))
    return found


def reached(start: str, feeds: Mapping[str, set[str]]) -> set[str]:
    """Every function that a function's messages may lead to."""
    seen: set[str] = set()
    ahead = deque(feeds[start])
    while ahead:
        function = ahead.popleft()
        if function not in seen:
            seen.add(function)
            ahead.extend(feeds[function])
    return seen


def circles(translated: Template) -> tuple[set[str], set[str]]:
    """The functions that may feed themselves, however far round, and the queues in between."""
    queues = fed_by(translated)
    functions = resources(translated, "AWS::Lambda::Function")
    sends = {name: sent_to(translated, found["Properties"]["Role"]) for name, found in functions.items()}
    feeds = {name: {fed for queue in sends[name] for fed in queues.get(queue, ())} for name in functions}
    looped = {name for name in functions if name in reached(name, feeds)}
    between = {
        queue
        for name, queue in product(looped, queues)
        if queue in sends[name] and any(name in {fed} | reached(fed, feeds) for fed in queues[queue])
    }
    return looped, between


def test_the_functions_that_may_feed_themselves_are_those_that_we_know_of(translated: Template) -> None:
    looped, between = circles(translated)
    assert looped == {
        "TrackFunction", "GenerateFunction", "IngestFunction", "DeliverFunction", "IntakeFunction",
    }  # fmt: skip
    assert between == {"LookQueue", "GenerateQueue", "IngestQueue", "WebhookQueue", "IntakeQueue"}


def test_whoever_may_feed_itself_is_not_ended_for_it_and_nobody_else_is_let_off(translated: Template) -> None:
    looped, _ = circles(translated)
    allowed = {
        name
        for name, function in resources(translated, "AWS::Lambda::Function").items()
        if function["Properties"].get("RecursiveLoop") == "Allow"
    }
    assert allowed == looped


def test_what_is_put_on_the_bus_here_is_nothing_that_submits_a_task(translated: Template) -> None:
    # Only a message that was put back comes round to `intake`: no event of ours matches the rule that feeds its queue.
    rules = [found["Properties"] for found in resources(translated, "AWS::Events::Rule").values()]
    (rule,) = [found for found in rules if "EventBusName" in found]
    assert rule["EventPattern"] == {"detail-type": ["Task Requested"]}
    assert "Task Requested" not in {*DETAIL_TYPES.values(), "Task Rejected"}


def test_every_kind_of_message_that_may_go_round_is_one_whose_end_is_proved_here(translated: Template) -> None:
    _, between = circles(translated)
    kinds = {f"{name.capitalize()}Queue": kind for kind, name in KINDS.items()}
    assert {kinds[queue] for queue in between - {"IntakeQueue"}} == set(FIRST)


def test_an_event_that_a_limit_stands_against_waits_for_a_day_and_no_longer() -> None:
    waits: list[float] = []
    times = 0
    while (wait := intake_wait(times)) is not None:
        waits.append(wait)
        times += 1
    assert times == MAX_INTAKE_WAITS
    assert 24 * 3600 <= sum(waits) < 25 * 3600
    assert max(waits) <= MAX_QUEUE_DELAY


# However little comes of it, the messages end, and so does what they are about.


NEVER = NOW + 10**12
AWAITED = "https://app.example/hook"


def put_off() -> Task:
    """A task that two providers have refused for now."""
    return replace(a_task("evolink", "qingbo", retry_at=NOW + 10**9), deadline_at=NEVER)


def ended() -> Task:
    task = transitions.store_image(copying(), 0, stored(0), now=NOW)
    task = transitions.store_image(task, 1, stored(1), now=NOW)
    return replace(task, request=replace(task.request, callback_url=AWAITED))


KINDS: dict[type[Message], str] = {kind: kind.queue for kind in (Poll, Submission, Copy, Delivery)}
FIRST: dict[type[Message], tuple[Callable[[], Task], Message]] = {
    Poll: (lambda: replace(accepted(), deadline_at=NEVER), Poll(a_task().task_id, sent_at=NOW)),
    Submission: (put_off, Submission(a_task().task_id)),
    Copy: (lambda: replace(copying(), deadline_at=NEVER), Copy(a_task().task_id, 0)),
    Delivery: (ended, Delivery(a_task().task_id, due_at=NOW + 10**9)),
}
"""A task that nothing comes of, and the first message about it."""

ATTEMPTS = len(WEBHOOKS.waits) + 1
LONGEST: dict[type[Message], int] = {
    Poll: MAX_POLLS + 1,
    Submission: (2 * MAX_TRIES + 1) * (MAX_HOPS + 1),
    Copy: len(IMAGE_WAITS) + 1,
    Delivery: ATTEMPTS * (MAX_HOPS + 1),
}
"""How many messages may follow from one another."""


@pytest.fixture(autouse=True, scope="module")
def quietly() -> Iterator[None]:
    before = logger.log_level
    logger.setLevel("CRITICAL")
    yield
    logger.setLevel(before)


def forever(steps: list[int]) -> Iterator[int]:
    while True:
        yield from steps


CLOCKS = st.lists(st.sampled_from([0, 0, 1, 10]), min_size=1, max_size=5).map(forever)
"""Clocks that hardly go on or stand still: nothing ever becomes due, and no deadline ever comes."""


@pytest.mark.parametrize("kind", FIRST)
@given(steps=CLOCKS)
@settings(max_examples=8)
def test_messages_that_lead_to_nothing_come_to_an_end_and_so_does_their_task(
    kind: type[Message], steps: Iterator[int]
) -> None:
    task, first = FIRST[kind]
    world = Hopeless(task(), steps)
    world.run(first)
    assert world.deepest <= LONGEST[kind]
    (left,) = world.tasks.tasks.values()
    if kind is Delivery:
        assert world.deliveries.logs[left.task_id].state is DeliveryState.FAILED
        assert len(world.deliveries.logs[left.task_id].attempts) == ATTEMPTS
    elif kind is Copy:
        assert left.images[0].failure is not None
    else:
        assert left.status is Status.FAILED
        assert left.error is not None


@given(steps=CLOCKS, images=st.booleans())
@settings(max_examples=4)
def test_a_task_that_is_looked_at_too_often_ends_with_what_it_has(steps: Iterator[int], images: bool) -> None:
    task = copying() if images else accepted()
    world = Hopeless(replace(task, deadline_at=NEVER), steps)
    world.run(Poll(task.task_id, looks=MAX_POLLS, sent_at=NOW))
    (left,) = world.tasks.tasks.values()
    assert left.status is Status.FAILED
    assert world.deepest == 1


def test_a_look_whose_record_never_comes_ends_though_the_clock_stands_still() -> None:
    world = Hopeless(a_task(), forever([0]))
    world.run(Poll("task_of_nobody", sent_at=NOW))
    assert world.deepest == MAX_HOPS + 1


# The bounds are wider than anything that has its good reason.


@pytest.mark.parametrize("called_back", [True, False])
@pytest.mark.parametrize("latency", [0.5, 10.0, 300.0])
def test_no_deadline_that_the_template_allows_has_room_for_so_many_looks(
    translated: Template, latency: float, called_back: bool
) -> None:
    longest = translated["Parameters"]["DeadlineSeconds"]["MaxValue"]
    life, looks = 0.0, 0
    while life < longest + COPYING_LIMIT:
        life += 0.9 * poll_wait(looks, latency=latency, called_back=called_back)
        looks += 1
    assert looks < MAX_POLLS


def test_the_longest_wait_of_a_webhook_has_no_more_hops_than_are_allowed() -> None:
    longest = jittered(max(WEBHOOKS.waits), 1.0)
    assert longest / MAX_QUEUE_DELAY < MAX_HOPS


def test_a_message_at_its_first_hop_is_as_short_as_ever() -> None:
    # What is at its default is left out: the release before this one reads it.
    assert json.loads(message_body(Submission("t"))) == {"task_id": "t"}
    assert json.loads(message_body(Delivery("t", 2, due_at=5))) == {"task_id": "t", "attempt": 2, "due_at": 5}
