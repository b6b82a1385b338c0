"""What a new task takes from its owner's account and its key, and what its end gives back.

These are parts of the very transactions that write the record: no reserve without its task, no end without its refund.
An account's `balance` is always the sum of its ledger; `spent#<month>` is what was charged or is held back.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from darkroom.accounts.admission import NotAdmitted, budget_spent, too_few_credits, too_many_open
from darkroom.tasks.task import Task

Part = dict[str, Any]
CANCELLATION = "cancellation"
"""The kind of the line that settles what a cancelled task withheld."""


def account_key(owner: str) -> Part:
    """Where an owner's account is."""
    return {"pk": {"S": f"owner#{owner}"}, "sk": {"S": "account"}}


def open_tasks_key(key_id: str) -> Part:
    """Where the open tasks of an API key are counted."""
    return {"pk": {"S": f"limits#{key_id}"}, "sk": {"S": "open"}}


def ledger_key(owner: str, at: int, reference: str, kind: str) -> Part:
    """Where a line of an owner's ledger is: in the order of time, and the same however often it is written."""
    return {"pk": {"S": f"ledger#{owner}"}, "sk": {"S": f"{at:013d}#{reference}#{kind}"}}


def month_of(at: int) -> str:
    """The month of a moment in Unix milliseconds, such as `2026-11` (UTC)."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m")


def reserve_parts(table: str, task: Task, *, budget: Decimal | None) -> list[Part]:
    """Hold back what a task may cost. `budget` is the account's monthly budget as far as it is known."""
    if not task.terms.metered:
        return []
    reserve = task.usage.reserved
    line = ledger_line(table, task.owner, task.created_at, task.task_id, "reserve", -reserve, task_id=task.task_id)
    return [{"Update": _reserve(table, task, reserve, budget)}, line]


def count_parts(table: str, task: Task, *, limit: int) -> list[Part]:
    """Count one more open task of the key, as far as its limit allows."""
    if not task.terms.counted:
        return []
    return [
        {
            "Update": {
                "TableName": table,
                "Key": open_tasks_key(task.terms.key),
                "UpdateExpression": "ADD open_tasks :one",
                "ConditionExpression": "attribute_not_exists(open_tasks) OR open_tasks < :limit",
                "ExpressionAttributeValues": {":one": {"N": "1"}, ":limit": {"N": str(limit)}},
            }
        }
    ]


def settle_parts(table: str, task: Task) -> list[Part]:
    """Give back what an ended task held back and did not cost, and its place among the key's open tasks."""
    assert task.completed_at is not None  # only ended tasks are settled
    parts: list[Part] = []
    if task.terms.metered:
        refund = task.usage.reserved - task.usage.charged - task.usage.withheld
        if refund < 0:
            raise ValueError(f"{task.task_id} is charged with more than was held back for it")
        spent = {"#spent": f"spent#{month_of(task.created_at)}"}
        values = {":refund": {"N": str(refund)}, ":less": {"N": str(-refund)}, ":one": {"N": "-1"}}
        update = "ADD balance :refund, #spent :less, open_tasks :one"
        parts.append(_update(table, account_key(task.owner), update, spent, values))
        parts.append(
            ledger_line(table, task.owner, task.completed_at, task.task_id, "settle", refund, task_id=task.task_id,
                        charged=str(task.usage.charged), **_cost(task))
        )  # fmt: skip
    if task.terms.counted:
        parts.append(_update(table, open_tasks_key(task.terms.key), "ADD open_tasks :one", {}, {":one": {"N": "-1"}}))
    return parts


def settle_cancelled_parts(table: str, before: Task, after: Task) -> list[Part]:
    """Give back what a cancelled task withheld and did not cost after all."""
    assert after.usage.settled_at is not None  # what is withheld no more is settled
    if not after.terms.metered:
        return []
    refund = before.usage.withheld - after.usage.charged
    if refund < 0:
        raise ValueError(f"{after.task_id} is charged with more than was withheld for it")
    spent = {"#spent": f"spent#{month_of(after.created_at)}"}
    values = {":refund": {"N": str(refund)}, ":less": {"N": str(-refund)}}
    return [
        _update(table, account_key(after.owner), "ADD balance :refund, #spent :less", spent, values),
        ledger_line(table, after.owner, after.usage.settled_at, after.task_id, CANCELLATION, refund,
                    task_id=after.task_id, charged=str(after.usage.charged), **_cost(after)),
    ]  # fmt: skip


def _cost(task: Task) -> dict[str, str]:
    return {"cost": str(task.usage.upstream_cost)} if task.usage.upstream_cost else {}


def ledger_line(table: str, owner: str, at: int, reference: str, kind: str, amount: Decimal, **told: str) -> Part:
    """One line of a ledger: `amount` is what it adds to the balance."""
    item = {
        **ledger_key(owner, at, reference, kind),
        "kind": {"S": kind},
        "at": {"N": str(at)},
        "amount": {"N": str(amount)},
        "reference": {"S": reference},
        **{name: {"S": value} for name, value in told.items()},
    }
    return {"Put": {"TableName": table, "Item": item}}


def refused_reserve(item: Mapping[str, Any], task: Task, known_budget: Decimal | None) -> NotAdmitted | None:
    """Why an account (as it was found) did not take a reserve; None where only what we knew of it was old."""
    budget = Decimal(item["budget"]["N"]) if "budget" in item else None
    if budget != known_budget:
        return None
    needed = task.usage.reserved
    balance = Decimal(item.get("balance", {}).get("N", "0"))
    if item.get("prepaid", {}).get("BOOL", False) and balance < needed:
        return too_few_credits(balance, needed)
    spent = Decimal(item.get(f"spent#{month_of(task.created_at)}", {}).get("N", "0"))
    return budget_spent(budget or Decimal(0), spent, needed)


def refused_count(limit: int) -> NotAdmitted:
    """Why a key did not take one more open task."""
    return too_many_open(limit)


def _reserve(table: str, task: Task, reserve: Decimal, budget: Decimal | None) -> Part:
    condition = "(attribute_not_exists(prepaid) OR prepaid = :no OR balance >= :reserve)"
    values: Part = {
        ":reserve": {"N": str(reserve)},
        ":minus": {"N": str(-reserve)},
        ":one": {"N": "1"},
        ":no": {"BOOL": False},
    }
    if budget is None:
        condition += " AND attribute_not_exists(budget)"
    else:
        values |= {":budget": {"N": str(budget)}, ":room": {"N": str(budget - reserve)}}
        nothing_yet = "attribute_not_exists(#spent) OR " if reserve <= budget else ""
        condition += f" AND budget = :budget AND ({nothing_yet}#spent <= :room)"
    return {
        "TableName": table,
        "Key": account_key(task.owner),
        "UpdateExpression": "ADD balance :minus, #spent :reserve, open_tasks :one",
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {"#spent": f"spent#{month_of(task.created_at)}"},
        "ExpressionAttributeValues": values,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _update(table: str, key: Part, expression: str, names: Mapping[str, str], values: Part) -> Part:
    update: Part = {
        "TableName": table,
        "Key": key,
        "UpdateExpression": expression,
        "ExpressionAttributeValues": values,
    }
    return {"Update": update | ({"ExpressionAttributeNames": dict(names)} if names else {})}
