"""Anything may happen to several tasks, in any order, and the process may die at any call: what always holds."""

import heapq
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any

from botocore.exceptions import EndpointConnectionError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from moto import mock_aws

from darkroom.accounts.ledger import AccountLedger
from darkroom.tasks.cancellation import AlreadyEnded, cancel
from darkroom.tasks.request import ImageRequest
from darkroom.tasks.task import Task, Usage
from darkroom.webhooks.delivery import event_id
from local.auditing.leaks import leaks
from tests.integration.emulated_aws import ACCOUNTS, BUCKET, TASKS, make_tables, shared_session
from tests.integration.life.told import everything_told
from tests.integration.life.world import FILES, Chaos, Killed, World
from tests.pictures import picture

PICTURE = picture()
CREDITS = Decimal(1000)
HOOK = "https://app.example/hook"
KEYS = st.sampled_from(["a", "b", "c", "d"])


class Lives(RuleBasedStateMachine):
    """A deployment with a few tasks in it, on a clock of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.aws = mock_aws()
        self.aws.start()
        make_tables()
        self.chaos = Chaos()
        self.world = World((TASKS, ACCOUNTS), BUCKET, PICTURE, self.chaos)
        self.world.open_account(CREDITS)
        self.known: dict[str, str] = {}
        self.ended: dict[str, tuple[Any, ...]] = {}
        self.charged: dict[str, Usage] = {}

    def teardown(self) -> None:
        try:
            self.everything_comes_to_its_end()
        finally:
            self.aws.stop()

    # What may happen.

    @rule(key=KEYS, n=st.integers(1, 3))
    def post(self, key: str, n: int) -> None:
        request = ImageRequest(model="seedream-4.5", prompt=f"fox {key}", n=n, callback_url=HOOK)
        submitted = self.world.submit(request, key)
        if submitted:
            assert self.known.setdefault(key, submitted.task.task_id) == submitted.task.task_id

    @rule(seconds=st.sampled_from([0, 1, 5, 11, 60, 700]))
    def time_goes_by(self, seconds: int) -> None:
        self.world.run(until=1000 * seconds)

    @rule(times=st.integers(0, 3))
    def callbacks_come(self, times: int) -> None:
        self.world.provider.callbacks = lambda number: times

    @rule(seconds=st.sampled_from([0, 3, 10, 100]))
    def the_provider_is_slow(self, seconds: int) -> None:
        self.world.provider.latency = 1000 * seconds

    @rule(call=st.integers(1, 12), after=st.booleans(), dies=st.booleans())
    def a_call_will_be_lost(self, call: int, after: bool, dies: bool) -> None:
        self.chaos.kill_at = len(self.chaos.calls) + call
        self.chaos.after = after
        self.chaos.error = None if dies else EndpointConnectionError(endpoint_url="https://aws.example")

    @precondition(lambda self: self.known)
    @rule(place=st.integers(0, 3))
    def cancel(self, place: int) -> None:
        task = self.task(list(self.known.values())[place % len(self.known)])
        try:
            cancel(self.world.tasks, task, self.world.clock, charge_made=True)
        except (AlreadyEnded, Killed, EndpointConnectionError):
            return

    @precondition(lambda self: self.world.provider.jobs)
    @rule(place=st.integers(0, 5), forged=st.booleans())
    def a_callback_comes_again(self, place: int, forged: bool) -> None:
        job_id = list(self.world.provider.jobs)[place % len(self.world.provider.jobs)]
        url = self.world.provider.jobs[job_id]["callback_url"]
        body = b'{"id": "%s", "status": "failed", "error": {"code": "x", "message": "x"}}' % job_id.encode()
        if forged:
            self.world.receive_callback(url[:-4] + "0000", body)
        else:
            self.world.provider._call_back(job_id)

    @rule(extra=st.integers(0, 3), echo=st.sampled_from([0, 1, 400]), fails=st.booleans())
    def the_provider_makes_more_and_repeats_what_it_was_told(self, extra: int, echo: int, fails: bool) -> None:
        self.world.provider.extra, self.world.provider.echo, self.world.provider.fails = extra, echo, fails

    @rule(every=st.integers(1, 3))
    def the_provider_takes_jobs_and_denies_it(self, every: int) -> None:
        self.world.provider.denies = lambda number: number % every == 1

    @precondition(lambda self: len(self.world.provider.jobs) > 1)
    @rule(place=st.integers(0, 5), other=st.integers(0, 5))
    def a_callback_speaks_of_another_job(self, place: int, other: int) -> None:
        jobs = list(self.world.provider.jobs)
        mine, others = jobs[place % len(jobs)], jobs[other % len(jobs)]
        attempts = [attempt for task in self.every_task() for attempt in task.attempts]
        if mine != others and any(attempt.upstream_id == mine for attempt in attempts):
            before = {task.task_id: task.images for task in self.every_task()}
            self.world.provider._call_back(mine, speaking_of=others)
            assert {task.task_id: task.images for task in self.every_task()} == before

    @precondition(lambda self: self.world.queues.waiting)
    @rule(place=st.integers(0, 20))
    def a_message_is_delivered_twice(self, place: int) -> None:
        waiting = self.world.queues.waiting
        message = waiting[place % len(waiting)]
        heapq.heappush(waiting, replace(message, receives=0))

    @rule(tries=st.sampled_from([0, 1, 3]))
    def the_stream_gives_up_after(self, tries: int) -> None:
        self.world.stream_tries = tries

    @precondition(lambda self: self.world.kept)
    @rule()
    def what_was_kept_is_announced_again(self) -> None:
        try:
            self.world.notifier.changed(self.world.kept[0])
        except (Killed, EndpointConnectionError):
            return
        del self.world.kept[0]

    @rule()
    def reconcile(self) -> None:
        try:
            self.world.reconciler.run()
        except (Killed, EndpointConnectionError):
            return

    # What always holds.

    def task(self, task_id: str) -> Task:
        self.chaos.kill_at = None
        found = self.world.tasks.get(task_id)
        assert found is not None
        return found

    @invariant()
    def an_end_never_changes(self) -> None:
        for item in shared_session().client("dynamodb").scan(TableName=TASKS)["Items"]:
            if "document" not in item or item["status"]["S"] in {"queued", "processing"}:
                continue
            from darkroom.tasks.item import read_item

            task = read_item(item)
            end = (task.status, task.images, task.error, task.completed_at)
            assert self.ended.setdefault(task.task_id, end) == end
            before = self.charged.setdefault(task.task_id, task.usage)
            if before.withheld and not task.usage.withheld:
                assert task.usage.charged <= before.withheld
                before = self.charged[task.task_id] = task.usage
            assert before == task.usage

    @invariant()
    def what_is_marked_was_told(self) -> None:
        for task in self.every_task():
            if task.announced:
                assert (task.task_id, task.status.value) in self.world.announced
                queued = any(
                    message.queue == "Delivery" and task.task_id in message.body
                    for message in [*self.world.queues.waiting, *self.world.queues.dead]
                )
                assert queued or event_id(task) in self.world.delivered

    @invariant()
    def no_intent_is_paid_twice(self) -> None:
        paid = Counter(job["callback_url"] for job in self.world.provider.jobs.values())
        assert not paid or max(paid.values()) == 1

    @invariant()
    def the_ledger_adds_up(self) -> None:
        book = AccountLedger(shared_session().client("dynamodb"), ACCOUNTS)
        account = book.find("owner")
        assert account is not None
        lines, _ = book.ledger("owner", limit=100)
        assert account.balance == sum(line.amount for line in lines)
        assert account.balance >= 0
        for task in self.every_task():
            assert task.usage.charged + task.usage.withheld <= task.usage.reserved

    @invariant()
    def nobody_is_shown_what_is_not_theirs(self) -> None:
        with self.chaos.held():
            for task in self.every_task():
                for told in everything_told(self.world, task):
                    assert leaks(told, [FILES]) == []

    def everything_comes_to_its_end(self) -> None:
        self.chaos.kill_at = None
        self.world.run()
        # Whatever notify gave up on is announced by the reconciler, even if nobody sends it again.
        self.world.time += 900_000
        self.world.reconciler.run()
        self.world.run()
        assert self.world.reconciler.run().announced == 0
        tasks = [self.task(task_id) for task_id in self.known.values()]
        assert all(task.status.terminal and task.announced and not task.withheld for task in tasks)
        assert not self.world.queues.waiting
        charged = sum((task.usage.charged for task in self.every_task()), Decimal(0))
        account = AccountLedger(shared_session().client("dynamodb"), ACCOUNTS).find("owner")
        assert account is not None
        assert (account.balance, account.open_tasks) == (CREDITS - charged, 0)
        for task in tasks:
            assert event_id(task) in self.world.delivered
            assert Counter(self.world.announced)[task.task_id, task.status.value] >= 1
            for image in task.images:
                if image.stored:
                    body = shared_session().client("s3").get_object(Bucket=BUCKET, Key=image.stored.key)["Body"].read()
                    assert body == PICTURE

    def every_task(self) -> list[Task]:
        from darkroom.tasks.item import read_item

        items = shared_session().client("dynamodb").scan(TableName=TASKS)["Items"]
        return [read_item(item) for item in items if "document" in item]


TestLives = Lives.TestCase
TestLives.settings = settings(
    max_examples=20, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)
