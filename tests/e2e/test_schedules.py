"""A wait longer than SQS's, on the deployed template: booked by the function's own role, and kept."""

import json
import time
from datetime import UTC, datetime
from typing import Any

from darkroom.accounts.task_accounting import TaskAccounting
from darkroom.aws.queues import message_body
from darkroom.aws.schedules import Schedules
from darkroom.tasks import transitions
from darkroom.tasks.ids import new_task_id
from darkroom.tasks.messages import Submission
from darkroom.tasks.store import TaskStore
from darkroom.webhooks.messages import Delivery
from tests.e2e.conftest import Api
from tests.unit.tasks.test_transitions import a_task


def environment(api: Api, function: str) -> dict[str, str]:
    client = api.stack.emulator.client("lambda")
    (found,) = [each for each in client.list_functions()["Functions"] if function in each["FunctionName"]]
    variables: dict[str, str] = found["Environment"]["Variables"]
    return variables


def until(found: Any, seconds: float) -> Any:
    """What `found` gives once it gives something."""
    ends_at = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < ends_at, "it never came"
        time.sleep(0.2)
    return result


def test_a_webhook_that_is_due_much_later_waits_as_a_schedule(api: Api) -> None:
    scheduler: Any = api.stack.emulator.client("scheduler")
    group = environment(api, "DeliverFunction")["DARKROOM_SCHEDULE_GROUP"]
    due_at = int(time.time() * 1000) + 12 * 3_600_000
    message = Delivery("task_01M7Y0K4SK2HQR5V5B4CM148FZ", 8, due_at=due_at)
    queue = api.stack.state()["queues"]["webhook"]
    for _ in range(2):  # a message that comes twice books its wait once
        api.stack.emulator.client("sqs").send_message(QueueUrl=queue, MessageBody=message_body(message))
    schedules = until(lambda: scheduler.list_schedules(GroupName=group)["Schedules"], 90)
    made = scheduler.get_schedule(GroupName=group, Name=schedules[0]["Name"])
    wanted = datetime.fromtimestamp(-(-due_at // 1000), UTC)
    assert made["ScheduleExpression"] == f"at({wanted:%Y-%m-%dT%H:%M:%S})"
    assert json.loads(made["Target"]["Input"])["hops"] == 1
    assert made["Target"]["Arn"].rpartition(":")[2] == queue.rpartition("/")[2]
    attributes = api.stack.emulator.client("sqs").get_queue_attributes

    def settled() -> bool:
        counted = attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        return all(int(counted[f"ApproximateNumberOfMessages{kind}"]) == 0 for kind in ("", "NotVisible"))

    until(settled, 90)
    assert len(scheduler.list_schedules(GroupName=group)["Schedules"]) == 1
    scheduler.delete_schedule(GroupName=group, Name=schedules[0]["Name"])


def test_a_submission_that_is_put_off_for_long_waits_as_a_schedule(api: Api) -> None:
    scheduler: Any = api.stack.emulator.client("scheduler")
    tables, queue = api.stack.state()["tables"], api.stack.state()["queues"]["generate"]
    tasks = TaskStore(api.stack.emulator.client("dynamodb"), tables["tasks"], TaskAccounting(tables["accounts"]))
    now = int(time.time() * 1000)
    task = a_task(
        task_id=new_task_id(now), owner="nobody", created_at=now, deadline_at=now + 7_200_000, retry_at=now + 3_600_000
    )
    tasks.create(task)
    api.stack.emulator.client("sqs").send_message(QueueUrl=queue, MessageBody=message_body(Submission(task.task_id)))
    group = environment(api, "GenerateFunction")["DARKROOM_SCHEDULE_GROUP"]
    (made,) = until(lambda: scheduler.list_schedules(GroupName=group)["Schedules"], 90)
    whole = scheduler.get_schedule(GroupName=group, Name=made["Name"])
    assert json.loads(whole["Target"]["Input"]) == {"task_id": task.task_id, "hops": 1}
    assert whole["Target"]["DeadLetterConfig"]["Arn"].startswith("arn:aws:sqs:")
    scheduler.delete_schedule(GroupName=group, Name=made["Name"])
    tasks.change(task, lambda current: transitions.cancel(current, now=now))


def test_a_schedule_that_is_due_puts_its_message_into_the_queue_and_is_gone(api: Api) -> None:
    scheduler: Any = api.stack.emulator.client("scheduler")
    sqs = api.stack.emulator.client("sqs")
    told = environment(api, "DeliverFunction")
    queue = sqs.create_queue(QueueName="due")["QueueUrl"]
    group, role = told["DARKROOM_SCHEDULE_GROUP"], told["DARKROOM_SCHEDULER_ROLE"]
    schedules = Schedules(lambda: scheduler, group, role, "us-east-1", lambda kind: None)
    body = message_body(Delivery("t", 2))
    assert schedules.book("due", queue, body, int(time.time() * 1000) + 1000)
    (message,) = until(lambda: sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages"), 30)
    assert message["Body"] == body
    until(lambda: not scheduler.list_schedules(GroupName=group)["Schedules"], 10)
    sqs.delete_queue(QueueUrl=queue)
