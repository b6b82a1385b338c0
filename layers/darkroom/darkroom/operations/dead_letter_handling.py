"""A message that failed for the last time: its task is told, so that nothing waits for what will not come.

The message itself goes to its dead-letter queue, where it can be looked at and sent on again.
"""

from collections.abc import Callable
from dataclasses import replace

from darkroom.clock import Clock
from darkroom.observability import count, logger
from darkroom.tasks import transitions
from darkroom.tasks.failure import ErrorCode, Failure
from darkroom.tasks.messages import Copy, Poll, Submission
from darkroom.tasks.store import NoSuchTask, TaskStore
from darkroom.tasks.task import AttemptState, Task
from darkroom.webhooks.delivery_log import DeliveryAttempt, DeliveryLog, DeliveryState, DeliveryStore
from darkroom.webhooks.messages import Delivery

_NOT_COPIED = Failure(ErrorCode.IMAGE_UNAVAILABLE, "The image could not be stored: copying it failed again and again.")
_NOT_SUBMITTED = Failure(ErrorCode.PROVIDER_ERROR, "The task could not be handed to any provider here.")
_NOT_FOLLOWED = Failure(ErrorCode.PROVIDER_ERROR, "What became of the task could not be found out here.")


class DeadLetterHandler:
    """Marks tasks whose messages are given up on."""

    def __init__(self, *, tasks: TaskStore, clock: Clock) -> None:
        self._tasks = tasks
        self._clock = clock

    def submission(self, message: Submission) -> None:
        """The task fails; one that a provider may be at work on is left to its callback and its poll."""
        self._mark(message.task_id, self._without_submission)

    def copy(self, message: Copy) -> None:
        """That one image fails; the last one settles its task."""
        now = self._clock()
        self._mark(message.task_id, lambda task: transitions.fail_image(task, message.index, _NOT_COPIED, now=now))

    def poll(self, message: Poll) -> None:
        """The task ends: nothing else would ever end it."""
        if not message.cancel:
            now = self._clock()
            self._mark(message.task_id, lambda task: transitions.abandon(task, _NOT_FOLLOWED, now=now))

    def _without_submission(self, task: Task) -> Task:
        now = self._clock()
        attempt = task.attempt
        if attempt and attempt.state is AttemptState.SENDING:
            return transitions.mark_submission_unknown(task, now=now)
        return transitions.abandon(task, _NOT_SUBMITTED, now=now) if task.awaits_submission else task

    def _mark(self, task_id: str, transition: Callable[[Task], Task]) -> None:
        count("MessageGivenUp")
        try:
            self._tasks.change(task_id, transition, cause="given_up")
        except NoSuchTask:
            logger.info("a message of no task was given up on", extra={"task_id": task_id})


def give_up_delivery(tasks: TaskStore, deliveries: DeliveryStore, message: Delivery, now: int) -> None:
    """A webhook that can't even be tried is shown as failed in its log."""
    count("MessageGivenUp")
    task = tasks.get(message.task_id)
    if task is None or not task.request.callback_url:
        return
    log = deliveries.get(message.task_id) or DeliveryLog(
        task.task_id, task.owner, task.request.callback_url, task.expires_at
    )
    if log.state is DeliveryState.DELIVERED:
        return
    begun = log.attempt(message.round, message.attempt)
    attempt = begun or DeliveryAttempt(len(log.attempts) + 1, message.round, message.attempt, now)
    attempt = replace(attempt, done=True, error="could not be attempted")
    deliveries.save(replace(log.with_attempt(attempt), state=DeliveryState.FAILED))
