"""Commands about keys, credits, owners and dead letters. All but `account` are an admin's."""

from typing import Any

import click

from darkroom_client.calls import Call
from darkroom_client.command import output
from darkroom_client.command.connection import Connection, connected

KEY_HEAD = ("key id", "owner", "name", "state", "per second", "open tasks", "providers")


@click.group()
def keys() -> None:
    """API keys: make, list, switch off, replace (admin)."""


@keys.command("create")
@click.argument("owner")
@click.option("--name", default="", help="What it is for.")
@click.option("--admin", is_flag=True, help="Allow it the calls of an admin.")
@click.option("--provider", "providers", multiple=True, help="Send its tasks to these only, in this order.")
@click.option("--requests-per-second", type=float)
@click.option("--open-tasks", type=int)
@connected
def create(connection: Connection, /, **fields: Any) -> None:
    """Make a key for OWNER. It is shown this once."""
    _print_secret(connection, _ask(connection, "POST", "keys", {**fields, "providers": list(fields["providers"])}))


@keys.command("list")
@click.option("--owner")
@connected
def list_keys(connection: Connection, owner: str | None) -> None:
    """List the keys of all owners, or of one."""
    found: list[dict[str, Any]] = []
    params = {"owner": owner} if owner else {}
    while True:
        page = _ask(connection, "GET", "keys", params=params)
        found += page["data"]
        if not page.get("next_cursor"):
            break
        params["cursor"] = page["next_cursor"]
    if connection.as_json:
        output.as_json(found)
    else:
        output.table(KEY_HEAD, [_row(key) for key in found])


@keys.command("disable")
@click.argument("key_id")
@connected
def disable(connection: Connection, key_id: str) -> None:
    """Switch a key off at once."""
    _print_key(connection, _ask(connection, "PATCH", f"keys/{key_id}", {"disabled": True}))


@keys.command("enable")
@click.argument("key_id")
@connected
def enable(connection: Connection, key_id: str) -> None:
    """Switch a key on again."""
    _print_key(connection, _ask(connection, "PATCH", f"keys/{key_id}", {"disabled": False}))


@keys.command("rotate")
@click.argument("key_id")
@click.option("--overlap", default=86_400, show_default=True, help="Seconds for which the old key stays valid.")
@connected
def rotate(connection: Connection, key_id: str, overlap: int) -> None:
    """Replace a key by a new one with the same settings."""
    _print_secret(connection, _ask(connection, "POST", f"keys/{key_id}/rotate", {"overlap_seconds": overlap}))


@click.group()
def accounts() -> None:
    """Credits and budgets of owners (admin)."""


@accounts.command("open")
@click.argument("owner")
@click.option("--postpaid", is_flag=True, help="Let the balance fall below zero.")
@click.option("--budget", help="What may be spent in a month, in credits.")
@connected
def open_account(connection: Connection, owner: str, postpaid: bool, budget: str | None) -> None:
    """Open OWNER's account, or change its terms."""
    terms = {"prepaid": not postpaid, "monthly_budget": budget}
    _print_account(connection, _ask(connection, "PUT", f"accounts/{owner}", terms))


@accounts.command("credit")
@click.argument("owner")
@click.argument("amount")
@click.option("--reference", required=True, help="Makes a repetition harmless: an invoice's number.")
@connected
def credit(connection: Connection, owner: str, amount: str, reference: str) -> None:
    """Add AMOUNT credits to OWNER's account."""
    body = {"amount": amount, "reference": reference}
    _print_account(connection, _ask(connection, "POST", f"accounts/{owner}/credits", body))


@accounts.command("show")
@click.argument("owner")
@connected
def show(connection: Connection, owner: str) -> None:
    """Show OWNER's account."""
    _print_account(connection, _ask(connection, "GET", f"accounts/{owner}"))


@accounts.command("ledger")
@click.argument("owner")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@connected
def ledger(connection: Connection, owner: str, limit: int) -> None:
    """Show the latest lines of OWNER's ledger."""
    found = _ask(connection, "GET", f"accounts/{owner}/ledger", params={"limit": str(limit)})
    if connection.as_json:
        output.as_json(found["data"])
        return
    rows = [[output.moment(line["at"]), line["kind"], line["amount"], line["reference"]] for line in found["data"]]
    output.table(("when (UTC)", "what", "amount", "reference"), rows)


@click.group()
def owners() -> None:
    """Owners (admin)."""


@owners.command("erase")
@click.argument("owner")
@click.option("--yes", is_flag=True, help="Do not ask.")
@connected
def erase(connection: Connection, owner: str, yes: bool) -> None:
    """Erase OWNER with all tasks, pictures, keys and credits; again, to see how far it is. It can't be undone."""
    if not yes:
        click.confirm(f"Erase {owner} with every task, picture, key and credit, for ever?", abort=True)
    done = _ask(connection, "DELETE", f"owners/{owner}")
    if connection.as_json:
        output.as_json(done)
        return
    waits = f" (goes on after {output.moment(done['next_at'])} UTC)" if done["next_at"] else ""
    click.echo(f"{owner} is {done['status']}{waits}")
    output.table(("removed", "number"), [[kind.replace("_", " "), number] for kind, number in done["removed"].items()])
    for each in done["kept"]:
        ends = f", until {output.moment(each['until'] * 1000)} UTC" if each["until"] else ""
        click.echo(f"kept: {each['what'].replace('_', ' ')}{ends}: {each['why']}")


@click.command()
@connected
def account(connection: Connection) -> None:
    """Show your own credits."""
    with connection.open() as darkroom:
        _print_account(connection, darkroom.account())


@click.group("dead-letters")
def dead_letters() -> None:
    """Messages that were given up on (admin)."""


@dead_letters.command("list")
@connected
def count(connection: Connection) -> None:
    """Count them by queue."""
    found = _ask(connection, "GET", "dead-letters")["data"]
    if connection.as_json:
        output.as_json(found)
    else:
        output.table(("queue", "messages"), [[line["queue"], line["messages"]] for line in found])


@dead_letters.command("redrive")
@click.argument("queue", type=click.Choice(["look", "generate", "ingest", "webhook", "intake", "notify"]))
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@connected
def redrive(connection: Connection, queue: str, limit: int) -> None:
    """Send them on to where they came from."""
    done = _ask(connection, "POST", f"dead-letters/{queue}/redrive", {"limit": limit})
    if connection.as_json:
        output.as_json(done)
    else:
        click.echo(f"{done['sent']} messages were sent on")


def _ask(connection: Connection, method: str, path: str, body: Any = None, params: dict[str, str] | None = None) -> Any:
    with connection.open(admin=True) as darkroom:
        # A key that is made twice is two keys.
        repeatable = method != "POST" or path.endswith("credits")
        return darkroom.request(Call(method, f"/v1/admin/{path}", body, params or {}, repeatable=repeatable))


def _row(key: dict[str, Any]) -> list[Any]:
    state = "disabled" if key["disabled"] else "ends" if key["expires_at"] else "admin" if key["admin"] else "valid"
    limits = [key["requests_per_second"] or "-", key["open_tasks"] or "-"]
    return [key["key_id"], key["owner"], key["name"], state, *limits, ", ".join(key["providers"]) or "any"]


def _print_key(connection: Connection, key: dict[str, Any]) -> None:
    if connection.as_json:
        output.as_json(key)
    else:
        output.table(KEY_HEAD, [_row(key)])


def _print_secret(connection: Connection, key: dict[str, Any]) -> None:
    if connection.as_json:
        output.as_json(key)
    else:
        click.echo(f"{key['api_key']}\n")
        click.echo(f"This is the only time that it is shown. Its id is {key['key_id']}.", err=True)


def _print_account(connection: Connection, found: dict[str, Any]) -> None:
    if connection.as_json:
        output.as_json(found)
        return
    kind = ("prepaid" if found["prepaid"] else "postpaid") if found["metered"] else "without an account: not limited"
    click.echo(f"{'owner':<18}{found['owner']} ({kind})")
    click.echo(f"{'balance':<18}{found['balance']} credits")
    click.echo(f"{'in ' + found['month']:<18}{found['spent_this_month']} of {found['monthly_budget'] or 'no limit'}")
    click.echo(f"{'open tasks':<18}{found['open_tasks']}")
