"""The event bus: one event for each task that ended, or that was asked for by an event and not taken."""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from darkroom.tasks.task import Task
from darkroom.tasks.update import Status

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "darkroom"
DETAIL_TYPES = {
    Status.COMPLETED: "Task Completed",
    Status.FAILED: "Task Failed",
    Status.CANCELLED: "Task Cancelled",
}


class EventNotTaken(Exception):
    """EventBridge answered, but did not take the event."""


class TaskEvents:
    """Puts `Task Completed`, `Task Failed` and `Task Cancelled` on the bus, the task as look-ups show it in them."""

    def __init__(self, client: "EventBridgeClient", bus: str, render: Callable[[Task], Mapping[str, Any]]) -> None:
        self._client = client
        self._bus = bus
        self._render = render

    def announce(self, task: Task) -> None:
        """Put the event of an ended task on the bus. Raises `EventNotTaken`."""
        self._put(DETAIL_TYPES[task.status], self._render(task), [task.task_id])

    def reject(self, detail: Mapping[str, Any]) -> None:
        """Say that a task that was asked for by an event is not taken. Raises `EventNotTaken`."""
        self._put("Task Rejected", detail, [])

    def _put(self, detail_type: str, detail: Mapping[str, Any], resources: list[str]) -> None:
        answer = self._client.put_events(
            Entries=[
                {
                    "EventBusName": self._bus,
                    "Source": SOURCE,
                    "DetailType": detail_type,
                    "Resources": resources,
                    "Detail": json.dumps(detail, ensure_ascii=False),
                }
            ]
        )
        if answer.get("FailedEntryCount"):
            raise EventNotTaken(answer["Entries"][0].get("ErrorMessage", "EventBridge gave no reason"))
