"""The dead-letter queues: what was given up on, and sending it on its way again."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from darkroom.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

QUEUES = ("look", "generate", "ingest", "webhook", "intake")
BATCH = 10


class DeadLetters:
    """Counts and redrives. Raises botocore's `ClientError` where SQS does."""

    def __init__(self, client: "SQSClient", settings: Settings) -> None:
        self._client = client
        self._settings = settings

    def count(self, name: str) -> int:
        """How many messages a queue's dead letters are (approximately, as SQS counts)."""
        counted = self._client.get_queue_attributes(
            QueueUrl=self._settings.dead_letters_url(name), AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(counted["Attributes"]["ApproximateNumberOfMessages"])

    def redrive(self, name: str, limit: int, *, go_on: Callable[[], bool] = lambda: True) -> int:
        """Send up to `limit` messages on to the queue that they came from, while `go_on` says so; how many were sent.

        A message is deleted here only once it is there: one that is sent twice does no harm, a lost one would.
        """
        url, target = self._settings.dead_letters_url(name), self._settings.queue_url(name)
        sent = 0
        while sent < limit and go_on():
            answer = self._client.receive_message(
                QueueUrl=url, MaxNumberOfMessages=min(BATCH, limit - sent), VisibilityTimeout=60
            )
            messages = answer.get("Messages", [])
            if not messages:
                break
            for message in messages:
                self._client.send_message(QueueUrl=target, MessageBody=message["Body"])
                self._client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                sent += 1
        return sent
