"""What a task costs, and what a cancelled one withholds until its provider has said what it made.

Not every provider can stop, and one that can may be too late. What was made is paid for, though it is not shown: else a
cancellation at the right moment would be a way to pictures for nothing.
"""

from dataclasses import replace
from decimal import Decimal

from darkroom.tasks.rates import ZERO, Rates
from darkroom.tasks.task import ImageState, Task, Usage


def cost(task: Task, pictures: int) -> Decimal:
    """What so many pictures cost at the offer in use: never more than was held back."""
    return min(_sum(task, task.offer.rates or Rates(task.offer.price), pictures), task.usage.reserved)


def upstream_cost(task: Task, pictures: int) -> Decimal:
    """What the provider takes from us for so many pictures, as far as that is known."""
    return _sum(task, task.offer.cost, pictures) if task.offer.cost else ZERO


def usage_at_the_end(task: Task) -> Usage:
    """What a task that ends now is charged for the pictures that are stored, and what all that were made cost us.

    A picture that nobody asked for is kept and not charged: no end costs more than was held back.
    """
    stored = sum(image.state is ImageState.STORED for image in task.images)
    made = sum(bool(image.source) for image in task.images)
    charged = cost(task, min(stored, task.request.n))
    return replace(task.usage, charged=charged, upstream_cost=upstream_cost(task, made))


def _sum(task: Task, rates: Rates, pictures: int) -> Decimal:
    """By the pixels of the pictures that are stored; of others nobody knows them."""
    if not pictures:
        return ZERO
    sizes = [image.stored.width * image.stored.height for image in task.images if image.stored][:pictures]
    known = sum((rates.of_image(pixels) for pixels in sizes), ZERO)
    return rates.fixed + known + rates.image * (pictures - len(sizes))


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
    paid = upstream_cost(task, pictures)
    return replace(task, usage=replace(task.usage, charged=charged, withheld=ZERO, settled_at=now, upstream_cost=paid))


def stopped_in_time(task: Task, *, now: int) -> Task:
    """Nothing was made for a cancelled task, as far as anybody will ever know: what is withheld is given back."""
    return settle(task, 0, now=now)
