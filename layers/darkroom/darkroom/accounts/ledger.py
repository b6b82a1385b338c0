"""The owners' accounts: credits, budgets and their ledgers. Amounts are exact decimals."""

import base64
import binascii
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.accounts.reservations import CANCELLATION, account_key, ledger_key, ledger_line, month_of
from darkroom.tasks.task import Task

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Account:
    """What an owner has: `balance` is what is left beside what open tasks hold back.

    A `prepaid` balance never falls below zero. `budget` is for one month; `spent` is by month.
    """

    owner: str
    balance: Decimal = Decimal(0)
    prepaid: bool = False
    budget: Decimal | None = None
    open_tasks: int = 0
    spent: dict[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One change of a balance: a credit, a reserve or its settlement. `at` is in Unix milliseconds.

    `cost` is what the provider took from us for the task, where that is known: the operator's business alone.
    """

    at: int
    kind: str
    amount: Decimal
    reference: str
    task_id: str | None = None
    charged: Decimal | None = None
    cost: Decimal | None = None
    note: str | None = None


class BadLedgerCursor(ValueError):
    """A cursor that no page of this ledger gave out."""


class AccountLedger:
    """Reads and writes accounts."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def find(self, owner: str) -> Account | None:
        """An owner's account, or None where its use is not accounted for."""
        key: Any = account_key(owner)
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        if item is None:
            return None
        months = {name.removeprefix("spent#"): value for name, value in item.items() if name.startswith("spent#")}
        return Account(
            owner=owner,
            balance=Decimal(item.get("balance", {}).get("N", "0")),
            prepaid=item.get("prepaid", {}).get("BOOL", False),
            budget=Decimal(item["budget"]["N"]) if "budget" in item else None,
            open_tasks=int(item.get("open_tasks", {}).get("N", "0")),
            spent={month: Decimal(value["N"]) for month, value in months.items()},
        )

    def has(self, owner: str) -> bool:
        """Whether an owner's use is accounted for."""
        key: Any = account_key(owner)
        found = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True, ProjectionExpression="pk")
        return "Item" in found

    def put_terms(self, owner: str, *, prepaid: bool, budget: Decimal | None) -> None:
        """Open an account, or change its terms."""
        values: Any = {":prepaid": {"BOOL": prepaid}, ":zero": {"N": "0"}}
        expression = "SET prepaid = :prepaid, balance = if_not_exists(balance, :zero)"
        if budget is None:
            expression += " REMOVE budget"
        else:
            expression += ", budget = :budget"
            values[":budget"] = {"N": str(budget)}
        key: Any = account_key(owner)
        self._client.update_item(
            TableName=self._table, Key=key, UpdateExpression=expression, ExpressionAttributeValues=values
        )

    def credit(self, owner: str, amount: Decimal, *, reference: str, note: str, now: int) -> bool:
        """Add to (or take from) a balance, once for each reference. Whether this call did it."""
        line = ledger_line(self._table, owner, now, reference, "credit", amount, note=note)
        guard = {"Item": {"pk": {"S": f"ledger#{owner}"}, "sk": {"S": f"reference#{reference}"}, "at": {"N": str(now)}}}
        once = {"TableName": self._table, "ConditionExpression": "attribute_not_exists(pk)", **guard}
        add = {
            "TableName": self._table,
            "Key": account_key(owner),
            "UpdateExpression": "ADD balance :amount",
            "ExpressionAttributeValues": {":amount": {"N": str(amount)}},
        }
        parts: Any = [{"Put": once}, {"Update": add}, line]
        try:
            self._client.transact_write_items(TransactItems=parts)
        except ClientError as error:
            reasons: Any = error.response.get("CancellationReasons", [])
            if reasons and reasons[0].get("Code") == "ConditionalCheckFailed":
                return False
            raise
        return True

    def ledger(self, owner: str, *, limit: int, cursor: str | None = None) -> tuple[list[LedgerLine], str | None]:
        """A page of an owner's ledger, newest first, and the cursor of the next. Raises `BadLedgerCursor`."""
        # Every line's key begins with a digit.
        upto = _opened(cursor) if cursor else ":"
        values: Any = {":pk": {"S": f"ledger#{owner}"}, ":from": {"S": "0"}, ":upto": {"S": upto}}
        page = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :from AND :upto",
            ExpressionAttributeValues=values,
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=limit + 2,
        )
        rows = [row for row in page["Items"] if row["sk"]["S"] != upto]
        following = _sealed(rows[limit - 1]["sk"]["S"]) if len(rows) > limit else None
        return [_line(row) for row in rows[:limit]], following

    def lines_of(self, task: Task) -> list[LedgerLine]:
        """The lines that one task made."""
        moments = {"reserve": task.created_at, "settle": task.completed_at, CANCELLATION: task.usage.settled_at}
        keys: list[Any] = [
            ledger_key(task.owner, at, task.task_id, kind) for kind, at in moments.items() if at is not None
        ]
        found = [self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True) for key in keys]
        return [_line(each["Item"]) for each in found if "Item" in each]


def this_month(account: Account, now: int) -> Decimal:
    """What of an account is spent or held back in the month of `now` (Unix milliseconds)."""
    return account.spent.get(month_of(now), Decimal(0))


def _line(item: Any) -> LedgerLine:
    return LedgerLine(
        at=int(item["at"]["N"]),
        kind=item["kind"]["S"],
        amount=Decimal(item["amount"]["N"]),
        reference=item["reference"]["S"],
        task_id=item["task_id"]["S"] if "task_id" in item else None,
        charged=Decimal(item["charged"]["S"]) if "charged" in item else None,
        cost=Decimal(item["cost"]["S"]) if "cost" in item else None,
        note=item["note"]["S"] if "note" in item else None,
    )


def _sealed(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _opened(cursor: str) -> str:
    try:
        key = base64.urlsafe_b64decode(cursor.encode()).decode()
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise BadLedgerCursor(cursor[:80]) from error
    if not re.fullmatch(r"[0-9]{13}#[^\x00]{1,300}", key):
        raise BadLedgerCursor(cursor[:80])
    return key
