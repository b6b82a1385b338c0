"""Commands about the catalog: providers, models, offers and prices, as a deployment's operator has them (admin)."""

import difflib
import json
import os
from pathlib import Path
from typing import Any

import click

from darkroom_client.calls import Call
from darkroom_client.command import output
from darkroom_client.command.connection import Connection, connected

KINDS = ("providers", "models", "offers")
OFFER_HEAD = ("model", "provider", "sold there as", "price", "cost", "state")


@click.group()
def catalog() -> None:
    """Providers, models, offers and prices (admin)."""


@catalog.command("show")
@click.argument("model", required=False)
@connected
def show(connection: Connection, model: str | None) -> None:
    """Show who sells what at which price; of one MODEL or of all."""
    offers = [row for row in _ask(connection, "GET", "offers")["data"] if model in (None, row["model"])]
    if connection.as_json:
        output.as_json(offers)
        return
    providers = {row["name"]: row for row in _ask(connection, "GET", "providers")["data"]}
    output.table(OFFER_HEAD, [_offer_line(row, providers) for row in offers])


@catalog.command("pull")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@connected
def pull(connection: Connection, file: Path) -> None:
    """Write the deployment's own rows into FILE, to be kept under version control."""
    found = _ask(connection, "GET", "catalog")
    file.write_text(_text(found), encoding="utf-8")
    click.echo(f"version {found['version']} is in {file}", err=True)


@catalog.command("diff")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@connected
def diff(connection: Connection, file: Path) -> None:
    """Show what pushing FILE would change."""
    lines = _difference(connection, file)
    click.echo("\n".join(lines) if lines else "no difference")


@catalog.command("push")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Also where somebody changed the catalog since it was pulled.")
@connected
def push(connection: Connection, file: Path, force: bool) -> None:
    """Put FILE's rows in the place of all the deployment's own. All of it is in force, or nothing."""
    document = _read(file)
    headers = {} if force else {"if-match": f'"{document.get("version", 0)}"'}
    done = _ask(connection, "PUT", "catalog", document, headers=headers)
    file.write_text(_text(done), encoding="utf-8")
    click.echo(f"version {done['version']} is in force everywhere within ten seconds", err=True)


@catalog.command("history")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@connected
def history(connection: Connection, limit: int) -> None:
    """Show who changed what, newest first."""
    changes = _ask(connection, "GET", "catalog/history", params={"limit": str(limit)})["data"]
    if connection.as_json:
        output.as_json(changes)
        return
    rows = [[output.moment(each["at"]), each["by"], each["kind"][:-1], each["name"], _told(each)] for each in changes]
    output.table(("when (UTC)", "who", "what", "name", "change"), rows)


@catalog.group("provider")
def provider() -> None:
    """A provider: add, switch off and on, remove."""


@provider.command("add")
@click.argument("name")
@click.option("--protocol", required=True, help="How it is spoken to, such as evolink.")
@click.option("--base-url", required=True, help="Where, without a slash at its end.")
@click.option("--key-env", help="The environment variable that holds its API key.")
@click.option("--webhook-secret-env", help="The variable that holds the secret its callbacks are signed with.")
@click.option("--callback-trust", default="", help="token, signature or confirm; its protocol's own if left out.")
@click.option("--notes", default="")
@connected
def add(
    connection: Connection,
    name: str,
    protocol: str,
    base_url: str,
    key_env: str | None,
    webhook_secret_env: str | None,
    callback_trust: str,
    notes: str,
) -> None:
    """Add the provider NAME, or change it. Its key is read from a variable, so that it stands in no history."""
    row: dict[str, Any] = {"protocol": protocol, "base_url": base_url}
    row |= {key: value for key, value in (("notes", notes), ("callback_trust", callback_trust)) if value}
    if webhook_secret_env and not key_env:
        raise click.UsageError("--webhook-secret-env needs --key-env: both are kept together")
    if key_env:
        row["credential"] = {"api_key": _from_environment(key_env, "API key")}
    if webhook_secret_env:
        row["credential"]["webhook_secret"] = _from_environment(webhook_secret_env, "webhook secret")
    _print_provider(connection, _ask(connection, "PUT", f"providers/{name}", row))


def _from_environment(variable: str, what: str) -> str:
    value = os.environ.get(variable, "")
    if not value:
        raise click.UsageError(f"{variable} is not set: it should hold the provider's {what}")
    return value


@provider.command("disable")
@click.argument("name")
@connected
def disable(connection: Connection, name: str) -> None:
    """Send no new tasks to NAME; those that are there end as they would have."""
    _print_provider(connection, _ask(connection, "POST", f"providers/{name}/disable"))


@provider.command("enable")
@click.argument("name")
@connected
def enable(connection: Connection, name: str) -> None:
    """Send new tasks to NAME again."""
    _print_provider(connection, _ask(connection, "POST", f"providers/{name}/enable"))


@provider.command("remove")
@click.argument("name")
@connected
def remove(connection: Connection, name: str) -> None:
    """Take NAME and its offers out of the catalog."""
    _ask(connection, "DELETE", f"providers/{name}")
    click.echo(f"{name} is out of the catalog", err=True)


@catalog.command("model")
@click.argument("name")
@click.option("--alias", "aliases", multiple=True, help="What else it is called.")
@connected
def model(connection: Connection, name: str, aliases: tuple[str, ...]) -> None:
    """Add the model NAME, or change what else it is called."""
    row = _ask(connection, "PUT", f"models/{name}", {"aliases": list(aliases)} if aliases else {})
    output.as_json(row) if connection.as_json else click.echo(f"{row['name']} is in the catalog", err=True)


@catalog.command("sell")
@click.argument("name", metavar="MODEL")
@click.argument("seller", metavar="PROVIDER")
@click.option("--price", required=True, help="What an owner pays for an image, in credits.")
@click.option("--cost", help="What the provider takes for it, in credits.")
@click.option("--as", "upstream_model", help="The provider's own name for the model.")
@click.option("--like", help="The provider whose offer's sizes and features it shall have; its own, or the first.")
@click.option("--like-model", help="The model of that offer, if another.")
@connected
def sell(connection: Connection, /, name: str, seller: str, price: str, **options: str | None) -> None:
    """Sell MODEL of PROVIDER at a price, or change the price of its offer."""
    pattern = _pattern(connection, options["like_model"] or name, options["like"] or seller, options["like"] is None)
    row = {field: value for field, value in pattern.items() if field not in {"object", "shipped", "model", "provider"}}
    own_name = options["upstream_model"] or (pattern["upstream_model"] if pattern["provider"] == seller else name)
    row |= {"price": price, "upstream_model": own_name}
    row.pop("cost", None)
    if options["cost"]:
        row["cost"] = options["cost"]
    made = _ask(connection, "PUT", f"offers/{name}/{seller}", row)
    if connection.as_json:
        output.as_json(made)
    else:
        output.table(OFFER_HEAD[:-1], [_offer_line(made, {})[:-1]])


def _pattern(connection: Connection, model: str, provider: str, or_any: bool) -> dict[str, Any]:
    """The offer that a new one shall be like."""
    offers = [row for row in _ask(connection, "GET", "offers")["data"] if row["model"] == model]
    found = [row for row in offers if row["provider"] == provider] or (offers if or_any else [])
    if not found:
        raise click.UsageError(
            f"nobody sells {model} yet whose sizes and features it could have: name one by --like-model and --like"
        )
    pattern: dict[str, Any] = found[0]
    return pattern


def _difference(connection: Connection, file: Path) -> list[str]:
    now = _ask(connection, "GET", "catalog")
    wanted = _read(file)
    before, after = (_rows(each).splitlines() for each in (now, wanted))
    return list(difflib.unified_diff(before, after, "in force", str(file), lineterm="", n=2))


def _read(file: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise click.UsageError(f"{file} is no JSON: {error}") from error
    return document


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _rows(document: dict[str, Any]) -> str:
    return _text({kind: document.get(kind, {}) for kind in KINDS})


def _offer_line(row: dict[str, Any], providers: dict[str, Any]) -> list[str]:
    on = providers.get(row["provider"], {}).get("enabled", True)
    return [
        row["model"], row["provider"], row["upstream_model"], _money(row["price"]), _money(row.get("cost")),
        "on" if on else "off",
    ]  # fmt: skip


def _money(price: Any) -> str:
    if isinstance(price, dict):
        return f"{price['image']} {price.get('currency', '')}".strip()
    return price or "-"


def _told(change: dict[str, Any]) -> str:
    before, after = change["before"] or {}, change["after"] or {}
    if not before or not after:
        return "added" if after else "removed"
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    shown = (f"{name}: {before.get(name, '-')} → {after.get(name, '-')}" for name in names)
    return "; ".join(text if len(text) < 60 else f"{text[:57]}…" for text in shown)


def _print_provider(connection: Connection, row: dict[str, Any]) -> None:
    if connection.as_json:
        output.as_json(row)
    else:
        head = ("provider", "protocol", "address", "state")
        output.table(head, [[row["name"], row["protocol"], row["base_url"], "on" if row["enabled"] else "off"]])


def _ask(
    connection: Connection,
    method: str,
    path: str,
    body: Any = None,
    *,
    params: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Any:
    with connection.open(admin=True) as darkroom:
        return darkroom.request(Call(method, f"/v1/admin/{path}", body, params or {}, headers or {}))
