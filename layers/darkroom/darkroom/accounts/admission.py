"""Why a task is not taken although nothing is wrong with it: credits, a budget or a limit stand against it."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from darkroom.accounts.money import format_credits


class AdmissionFailure(StrEnum):
    """What stands against a task."""

    CREDITS = "credits"
    BUDGET = "budget"
    OPEN_TASKS = "open_tasks"


@dataclass
class NotAdmitted(Exception):
    """A task that is not taken. `retry_after` is in seconds, where waiting helps."""

    reason: AdmissionFailure
    message: str
    retry_after: int | None = None


def too_few_credits(balance: Decimal, needed: Decimal) -> NotAdmitted:
    """The account's balance does not cover what the task may cost."""
    return NotAdmitted(
        AdmissionFailure.CREDITS,
        f"the task may cost {format_credits(needed)} credits and the account has {format_credits(balance)}: "
        "buy credits, or ask for fewer images",
    )


def budget_spent(budget: Decimal, spent: Decimal, needed: Decimal) -> NotAdmitted:
    """The month's budget does not cover what the task may cost."""
    return NotAdmitted(
        AdmissionFailure.BUDGET,
        f"the task may cost {format_credits(needed)} credits, and of this month's budget of {format_credits(budget)} "
        f"{format_credits(spent)} are spent or held back: raise the budget, or wait for the next month",
    )


def too_many_open(limit: int) -> NotAdmitted:
    """The key has as many open tasks as it may."""
    message = f"this key has {limit} open tasks, as many as it may: wait until one of them has ended"
    return NotAdmitted(AdmissionFailure.OPEN_TASKS, message, retry_after=5)
