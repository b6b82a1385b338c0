"""What a task costs, and what a cancelled one withholds until its provider has said what it made.

Not every provider can stop, and one that can may be too late. What was made is paid for, though it is not shown: else a
cancellation at the right moment would be a way to pictures for nothing.
"""

from dataclasses import replace
from decimal import Decimal

from darkroom.tasks.task import ZERO, ImageState, Task


def cost(task: Task, pictures: int) -> Decimal:
    """What so many pictures cost at the offer in use: never more than was held back."""
    return min(task.offer.price * pictures, task.usage.reserved)


def pictures_made(task: Task) -> int:
    """How many of the pictures that were asked for are there, here or at the provider."""
    return min(sum(image.state is not ImageState.FAILED for image in task.images), task.request.n)


def settle(task: Task, pictures: int, *, now: int) -> Task:
    """Charge a cancelled task for so many pictures, and give back the rest of what it withheld.

    The very same task where nothing is withheld. `now` is in Unix milliseconds.
    """
    if not task.withheld:
        return task
    charged = min(cost(task, min(pictures, task.request.n)), task.usage.withheld)
    return replace(task, usage=replace(task.usage, charged=charged, withheld=ZERO, settled_at=now))


def stopped_in_time(task: Task, *, now: int) -> Task:
    """Nothing was made for a cancelled task, as far as anybody will ever know: what is withheld is given back."""
    return settle(task, 0, now=now)
