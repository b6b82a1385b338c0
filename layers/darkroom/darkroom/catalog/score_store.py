"""How the offers did, counted by day from tasks that ended."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from darkroom.aws.queries import every_item
from darkroom.catalog.score import Score, merged, step_of
from darkroom.tasks.task import Attempt, AttemptState, ImageState, Task

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DAYS = 7
Offer = tuple[str, str]
"""A provider and its name for the model."""


class ScoreStore:
    """Counts ended tasks, and reads the sums of the last days."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def record(self, task: Task) -> None:
        """Count an ended task for every offer that was tried. A task that the stream shows twice is counted twice."""
        for attempt in task.attempts:
            counts = _counts(task, attempt)
            if counts:
                self._add(attempt, counts, (task.completed_at or 0))

    def lately(self, now: int) -> dict[Offer, Score]:
        """How every offer did in the last days. `now` is in Unix milliseconds."""
        today = datetime.fromtimestamp(now / 1000, UTC).date()
        values: Any = {
            ":pk": {"S": "scores"},
            ":from": {"S": f"{today - timedelta(days=DAYS - 1)}"},
            ":upto": {"S": f"{today + timedelta(days=1)}"},
        }
        days: dict[Offer, list[Score]] = {}
        query = "pk = :pk AND sk BETWEEN :from AND :upto"
        for item in every_item(
            self._client, TableName=self._table, KeyConditionExpression=query, ExpressionAttributeValues=values
        ):
            _, *offer = item["sk"]["S"].split("|", 2)
            if len(offer) == 2:
                days.setdefault((offer[0], offer[1]), []).append(_score(item))
        return {offer: merged(scores) for offer, scores in days.items()}

    def _add(self, attempt: Attempt, counts: Mapping[str, Decimal | int], at: int) -> None:
        day = datetime.fromtimestamp(at / 1000, UTC).date()
        self._client.update_item(
            TableName=self._table,
            Key={"pk": {"S": "scores"}, "sk": {"S": f"{day}|{attempt.provider}|{attempt.upstream_model}"}},
            UpdateExpression="ADD " + ", ".join(f"#{place} :{place}" for place in range(len(counts))),
            ExpressionAttributeNames={f"#{place}": name for place, name in enumerate(counts)},
            ExpressionAttributeValues={f":{place}": {"N": str(count)} for place, count in enumerate(counts.values())},
        )


def _counts(task: Task, attempt: Attempt) -> dict[str, Decimal | int]:
    """What one attempt adds; nothing where it was cancelled, or refused for a reason of the request's own."""
    if attempt.state is AttemptState.COMPLETED:
        made = next((entry for entry in task.history if entry.what == "images_made"), None)
        counts: dict[str, Decimal | int] = {
            "completed": 1,
            "asked": task.request.n,
            "images": sum(image.state is ImageState.STORED for image in task.images),
            "credits": task.usage.charged,
        }
        if made:
            step = step_of((made.at - attempt.begun_at) / 1000)
            counts[f"step#{step}"] = 1
            if made.cause == "callback":
                counts |= {"called_back": 1, f"callback#{step}": 1}
            elif attempt.expects_callback:
                counts["unheard"] = 1
        return counts
    lost = attempt.state in {AttemptState.FAILED, AttemptState.REFUSED, AttemptState.UNKNOWN, AttemptState.SENDING}
    blameless = attempt.failure is not None and attempt.failure.code.value in {"content_policy", "invalid_request"}
    return {"failed": 1} if lost and not blameless else {}


def _score(item: Mapping[str, Any]) -> Score:
    def number(name: str) -> int:
        return int(item.get(name, {}).get("N", "0"))

    def steps(prefix: str) -> dict[int, int]:
        found = {name.removeprefix(prefix): value for name, value in item.items() if name.startswith(prefix)}
        return {int(step): int(value["N"]) for step, value in found.items() if step.isdecimal()}

    return Score(
        completed=number("completed"),
        failed=number("failed"),
        images=number("images"),
        asked=number("asked"),
        credits=Decimal(item.get("credits", {}).get("N", "0")),
        called_back=number("called_back"),
        unheard=number("unheard"),
        steps=steps("step#"),
        callback_steps=steps("callback#"),
    )
