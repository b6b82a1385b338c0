"""What has to be queued once a change of a task is recorded: copies of its images, or its next submission."""

from darkroom.aws.queues import Queues
from darkroom.clock import Clock
from darkroom.observability import count, logger
from darkroom.tasks.messages import Copy, Poll, Submission
from darkroom.tasks.schedule import doubt_wait
from darkroom.tasks.store import Changed
from darkroom.tasks.task import Task


class Outbox:
    """Queues what a recorded change calls for. Lost messages are found again by the task's next poll."""

    def __init__(self, queues: Queues, clock: Clock) -> None:
        self._queues = queues
        self._clock = clock

    def after(self, changed: Changed) -> None:
        """Queue what this change made necessary, and nothing for a change that did not happen."""
        before, after = changed.before, changed.after
        if not changed.happened or after.status.terminal:
            return
        if after.copying_at != before.copying_at:
            if len(after.images) > after.request.n:
                # Kept (parameter ExtraImages) and not charged: the provider may charge us for them.
                count("ProviderTrouble")
                logger.warning("more images than were asked for", extra={"task_id": after.task_id})
            self.copy(after)
        elif after.awaits_submission and after.retry_at != before.retry_at:
            self.submit(after)

    def copy(self, task: Task) -> None:
        """One message an image that is not in the bucket yet."""
        self._queues.send_all(Copy(task.task_id, image.index) for image in task.pending_images)

    def submit(self, task: Task) -> None:
        """The message that lets the task be submitted when it is due."""
        self._queues.send_at(Submission(task.task_id), task.retry_at, now=self._clock())

    def poll_once(self, task: Task, *, doubts: int = 0) -> None:
        """The message that asks the provider about the task, beside the polls that are due anyway.

        It asks now, or after so many doubtful answers in a row when the next may be complete, and then no more.
        """
        wait = doubt_wait(doubts) if doubts else 0.0
        if wait is not None:
            self._queues.send(Poll(task.task_id, once=True, sent_at=self._clock(), doubts=doubts), wait=wait)

    def cancel_upstream(self, task: Task) -> None:
        """The message that lets the provider be told of a cancellation."""
        self._queues.send(Poll(task.task_id, cancel=True, sent_at=self._clock()))
