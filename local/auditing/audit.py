"""Counting up after many tasks: every one ended, every picture stored once, every webhook sent, the ledger exact."""

import hashlib
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from standardwebhooks import Webhook

from local.auditing.leaks import leaks
from local.auditing.overdue import overdue_tasks, overdue_webhooks
from local.simulators.pictures import draw
from local.stack.stack import LocalStack
from local.stack.webhook_receiver import WebhookReceiver

PATIENCE = 240
"""Seconds that tasks, webhooks and queues may still need."""
QUEUES = ("look", "generate", "ingest", "webhook", "intake")
COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")
OPEN = {"queued", "processing"}
Task = dict[str, Any]


@dataclass
class Evidence:
    """What the audit goes by: the stack, what was posted to it, and what came of it."""

    stack: LocalStack
    client: httpx.Client
    owner: str
    credits: str
    tasks: dict[str, str]
    answers: Counter[int]
    receiver: WebhookReceiver
    marker: str


@dataclass
class Finding:
    """One question of the audit: how much was looked at, and what was wrong."""

    question: str
    looked_at: int
    wrong: list[str] = field(default_factory=list)


class Audit:
    """The findings."""

    def __init__(self, findings: list[Finding], outcomes: Counter[str]) -> None:
        self.findings = findings
        self.outcomes = outcomes

    @classmethod
    def of(cls, evidence: Evidence) -> Self:
        """Wait for the end of everything, and look at it."""
        tasks = _ended(evidence)
        jobs = _jobs(evidence)
        outcomes = Counter(_outcome(task) for task in tasks)
        questions: list[Callable[[], Finding]] = [
            lambda: _every_post_was_taken(evidence),
            lambda: _all_have_ended(tasks),
            lambda: _nothing_was_paid_twice(tasks, jobs),
            lambda: _made_pictures_are_stored(evidence, tasks, jobs),
            lambda: _nothing_else_is_stored(evidence, tasks),
            lambda: _webhooks_came(evidence, tasks),
            lambda: _the_ledger_is_exact(evidence, tasks),
            lambda: _no_message_is_left(evidence),
            lambda: _every_end_was_announced(evidence),
            lambda: _nothing_is_overdue(evidence),
            lambda: _no_answer_leaks(evidence, tasks),
        ]
        return cls([question() for question in questions], outcomes)

    @property
    def clean(self) -> bool:
        """Whether nothing was wrong."""
        return not any(finding.wrong for finding in self.findings)

    def report(self) -> str:
        """The findings in words."""
        lines = [f"  {count:>6}  {outcome}" for outcome, count in self.outcomes.most_common()]
        lines.append("")
        for finding in self.findings:
            verdict = "ok" if not finding.wrong else f"{len(finding.wrong)} WRONG"
            lines.append(f"  {finding.looked_at:>6}  {finding.question}: {verdict}")
            lines += [f"            {problem}" for problem in finding.wrong[:10]]
        return "\n".join(lines)


def _outcome(task: Task) -> str:
    return f"{task['status']} ({task['error']['code']})" if task["error"] else str(task["status"])


def _ended(evidence: Evidence) -> list[Task]:
    """All tasks, once none of them is open any more or patience is at its end."""
    ends_at = time.monotonic() + PATIENCE
    with ThreadPoolExecutor(4) as pool:
        while True:
            tasks = list(pool.map(lambda task_id: _get(evidence, f"/v1/tasks/{task_id}"), evidence.tasks.values()))
            if time.monotonic() > ends_at or not any(_unsettled(task) for task in tasks):
                return tasks
            time.sleep(2)


def _unsettled(task: Task) -> bool:
    """Whether a task is open, or what its provider makes of it after a cancellation is not known yet."""
    return task["status"] in OPEN or Decimal(task["usage"].get("credits_withheld") or 0) > 0


def _get(evidence: Evidence, path: str, **query: str) -> Any:
    answer = evidence.client.get(path, params=query or None)
    answer.raise_for_status()
    return answer.json()


def _jobs(evidence: Evidence) -> dict[str, list[dict[str, Any]]]:
    """The jobs that providers made, by the number of the task."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for provider, url in evidence.stack.simulators.items():
        for job in httpx.get(f"{url}/_control/jobs", trust_env=False, timeout=60).json():
            words = job["prompt"].split()
            if words[:2] == ["soak", evidence.marker]:
                found[words[2]].append({**job, "provider": provider})
    return found


def _every_post_was_taken(evidence: Evidence) -> Finding:
    finding = Finding("posts were accepted", evidence.answers.total())
    finding.wrong = [f"{count} answers {status}" for status, count in evidence.answers.items() if status != 202]
    return finding


def _all_have_ended(tasks: list[Task]) -> Finding:
    wrong = [f"{task['task_id']} is {task['status']}" for task in tasks if task["status"] in OPEN]
    return Finding("tasks have ended", len(tasks), wrong)


def _nothing_was_paid_twice(tasks: list[Task], jobs: dict[str, list[dict[str, Any]]]) -> Finding:
    """A second job for one task is only there where the first one failed at its provider."""
    finding = Finding("tasks were paid for once", len(tasks))
    for task in tasks:
        fruitful = [job for job in jobs[task["metadata"]["number"]] if job["state"] not in {"failed", "cancelled"}]
        if len(fruitful) > 1:
            finding.wrong.append(f"{task['task_id']} has {len(fruitful)} jobs: {[job['id'] for job in fruitful]}")
    return finding


def _made_pictures_are_stored(evidence: Evidence, tasks: list[Task], jobs: dict[str, list[dict[str, Any]]]) -> Finding:
    """Whatever a provider made and served lies in the bucket with the right content, unless the task was cancelled."""
    finding = Finding("pictures that were made and served are stored, with the right content", 0)
    s3, bucket = evidence.stack.emulator.client("s3"), evidence.stack.outputs["Bucket"]
    for task in tasks:
        for job in jobs[task["metadata"]["number"]]:
            if job["state"] != "completed" or task["status"] == "cancelled":
                continue
            if not _served(job) or _unknown(task, job):
                continue
            stored = {image["index"]: image for image in task["images"] if image["status"] == "stored"}
            for place in range(job["made"]):
                finding.looked_at += 1
                picture = draw(job["prompt"], place, job["width"], job["height"], job["form"])
                digest = hashlib.sha256(picture).hexdigest()
                image = stored.get(place)
                if image is None or image["sha256"] != digest:
                    finding.wrong.append(f"{task['task_id']}/{place} ({job['provider']}: {job['prompt']}) is not there")
                    continue
                key = image["url"].partition("?")[0].partition(f"/{bucket}/")[2]
                body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
                if hashlib.sha256(body).hexdigest() != digest:
                    finding.wrong.append(f"{key} holds something else")
    return finding


def _served(job: dict[str, Any]) -> bool:
    """Whether the provider gave out what it made. A look-up renews a stale link, and a synchronous job has none."""
    faults = {"image_missing", "image_truncated", "image_type"}
    if str(job["request"].get("model", "")).endswith("-Preferential"):
        faults.add("image_stale")
    return not faults & set(job["faults"])


def _unknown(task: Task, job: dict[str, Any]) -> bool:
    """Whether the answer that named the job was lost and no callback could tell of it: nobody knows what to ask."""
    unanswered = any(name in job["prompt"] for name in ("submit_lost", "submit_own_error"))
    told = bool(task["error"]) and task["error"]["code"] == "submission_unknown"
    return unanswered and told and not job["callback_url"]


def _nothing_else_is_stored(evidence: Evidence, tasks: list[Task]) -> Finding:
    """An object for every stored image, and none besides (but what a cancellation came too late for)."""
    s3, bucket = evidence.stack.emulator.client("s3"), evidence.stack.outputs["Bucket"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"tasks/{evidence.owner}/")
    objects: Counter[str] = Counter()
    for page in pages:
        objects.update(entry["Key"].split("/")[2] for entry in page.get("Contents", []))
    finding = Finding("objects are the stored images", objects.total())
    for task in tasks:
        stored = sum(image["status"] == "stored" for image in task["images"])
        if objects[task["task_id"]] != stored and task["status"] != "cancelled":
            finding.wrong.append(f"{task['task_id']}: {stored} stored, {objects[task['task_id']]} objects")
    return finding


def _webhooks_came(evidence: Evidence, tasks: list[Task]) -> Finding:
    """At least once, with one id, signed, and saying what the task says."""
    finding = Finding("webhooks were taken", 0)
    secret = evidence.stack.webhook_secret(evidence.owner)
    told: dict[str, set[str]] = {}
    hooked = {task["task_id"]: task for task in tasks if _has_webhook(evidence, task)}
    ends_at = time.monotonic() + PATIENCE
    while True:
        told = defaultdict(set)
        for webhook_id, deliveries in list(evidence.receiver.received.items()):
            if any(delivery.answered == 204 for delivery in deliveries):
                told[json.loads(deliveries[0].body)["data"]["task_id"]].add(webhook_id)
        if time.monotonic() > ends_at or set(told) >= set(hooked):
            break
        time.sleep(1)
    for task_id, task in hooked.items():
        finding.looked_at += 1
        if len(told[task_id]) != 1:
            finding.wrong.append(f"{task_id} has the webhook ids {sorted(told[task_id])}")
            continue
        for delivery in evidence.receiver.received[next(iter(told[task_id]))]:
            content = Webhook(secret).verify(delivery.body, delivery.headers)
            if content["data"]["status"] != task["status"]:
                finding.wrong.append(f"{task_id} was told to be {content['data']['status']}")
    return finding


def _has_webhook(evidence: Evidence, task: Task) -> bool:
    return evidence.client.get(f"/v1/tasks/{task['task_id']}/webhook").status_code == 200


def _the_ledger_is_exact(evidence: Evidence, tasks: list[Task]) -> Finding:
    """The balance is what was bought less what the tasks cost, and the sum of all lines; nothing is held back."""
    lines = list(_ledger(evidence))
    finding = Finding("lines of the ledger add up", len(lines))
    account = _get(evidence, "/v1/account")
    charged = sum((Decimal(task["usage"]["credits_charged"]) for task in tasks), Decimal(0))
    balance, total = Decimal(account["balance"]), sum((Decimal(line["amount"]) for line in lines), Decimal(0))
    if balance != total:
        finding.wrong.append(f"the balance is {balance}, the lines make {total}")
    if balance != Decimal(evidence.credits) - charged:
        finding.wrong.append(f"the balance is {balance}, and should be {Decimal(evidence.credits) - charged}")
    if account["open_tasks"] or Decimal(account["spent_this_month"]) != charged:
        finding.wrong.append(f"something is still held back: {account}")
    settled = Counter(line["task_id"] for line in lines if line["kind"] == "settle")
    finding.wrong += [f"{task_id} was settled {count} times" for task_id, count in settled.items() if count != 1]
    if len(settled) != len(tasks):
        finding.wrong.append(f"{len(settled)} of {len(tasks)} tasks are settled")
    stored = sum(image["status"] == "stored" for task in tasks for image in task["images"])
    usage = _get(evidence, "/v1/usage")["total"]
    if usage["images"] != stored or Decimal(usage["credits"]) != charged:
        finding.wrong.append(f"the usage says {usage}, the tasks {stored} images and {charged} credits")
    return finding


def _ledger(evidence: Evidence) -> Iterator[dict[str, Any]]:
    cursor = None
    while True:
        page = _get(evidence, "/v1/account/ledger", limit="100", **({"cursor": cursor} if cursor else {}))
        yield from page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


def _no_message_is_left(evidence: Evidence) -> Finding:
    """Queues run dry once everything has ended; nothing was given up on."""
    sqs = evidence.stack.emulator.client("sqs")
    urls = {name: evidence.stack.outputs[f"{name.capitalize()}QueueUrl"] for name in QUEUES}
    urls |= {f"{name} (dead)": evidence.stack.outputs[f"{name.capitalize()}DeadLettersUrl"] for name in QUEUES}
    ends_at = time.monotonic() + PATIENCE
    while True:
        left = {name: _messages(sqs, url) for name, url in urls.items()}
        if time.monotonic() > ends_at or not any(left.values()):
            break
        time.sleep(2)
    wrong = [f"{count} messages are left in {name}" for name, count in left.items() if count]
    return Finding("queues are empty", len(urls), wrong)


def _every_end_was_announced(evidence: Evidence) -> Finding:
    """A task leaves the index of what is still to be done once event and webhook message are out, and not before."""
    dynamodb, ours = evidence.stack.emulator.client("dynamodb"), set(evidence.tasks.values())
    pages = dynamodb.get_paginator("scan")
    ends_at = time.monotonic() + PATIENCE
    while True:
        left = {
            item["task_id"]["S"]
            for page in pages.paginate(TableName=evidence.stack.outputs["TasksTable"], IndexName="by_open")
            for item in page["Items"]
        } & ours
        if time.monotonic() > ends_at or not left:
            break
        time.sleep(2)
    return Finding("ends were announced", len(ours), [f"{task_id} was not announced" for task_id in sorted(left)])


def _nothing_is_overdue(evidence: Evidence) -> Finding:
    """Nothing waits whose time is over, and no webhook is pending without another attempt to come."""
    dynamodb, table = evidence.stack.emulator.client("dynamodb"), evidence.stack.outputs["TasksTable"]
    now, scale = time.time_ns() // 1_000_000, float(evidence.stack.settings.time_scale)
    wrong = overdue_tasks(dynamodb, table, now=now, scale=scale)
    return Finding("nothing is overdue", 1, wrong + overdue_webhooks(dynamodb, table, now=now, scale=scale))


def _no_answer_leaks(evidence: Evidence, tasks: list[Task]) -> Finding:
    """No answer about a task shows a provider's link, a callback address or a token."""
    files = [urlsplit(url).netloc for url in evidence.stack.simulators.values()]
    finding = Finding("answers show nothing of a provider's", 0)
    for task in tasks:
        for path in ("", "/events", "/dispute", "/webhook"):
            told = evidence.client.get(f"/v1/tasks/{task['task_id']}{path}").text
            finding.looked_at += 1
            finding.wrong += [f"{task['task_id']}{path} shows {leak}" for leak in leaks(told, files)]
    return finding


def _messages(sqs: Any, url: str) -> int:
    counted = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(COUNTS))["Attributes"]
    return sum(int(counted[name]) for name in COUNTS)
