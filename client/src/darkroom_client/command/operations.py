"""Commands about a deployment: whether it is well, and what its webhooks say."""

import json
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import click
import httpx

from darkroom_client.calls import Call
from darkroom_client.client import Darkroom
from darkroom_client.command import output
from darkroom_client.command.connection import Connection, connected
from darkroom_client.errors import DarkroomError, PermissionDenied
from darkroom_client.webhooks import BadSignature, verify_webhook

CLOCK_TOLERANCE = 60
"""Seconds by which the clocks may differ: a webhook's signature is refused at five minutes."""


@click.group()
def webhooks() -> None:
    """Webhooks: watch them come."""


@webhooks.command("listen")
@click.option("--port", type=int, default=8799, show_default=True, help="Where to listen, on this machine alone.")
@click.option("--secret", envvar="DARKROOM_WEBHOOK_SECRET", required=True, help="whsec_… ; or DARKROOM_WEBHOOK_SECRET.")
@click.option("--count", type=int, help="End after so many.")
@connected
def listen(connection: Connection, port: int, secret: str, count: int | None) -> None:
    """Print webhooks whose signature is right, and refuse the others."""
    seen = 0

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            nonlocal seen
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            try:
                event = verify_webhook(secret, dict(self.headers.items()), body)
            except (BadSignature, ValueError, KeyError):
                click.echo("refused: the signature is not by this secret", err=True)
                self._answer(401)
                return
            seen += 1
            if connection.as_json:
                click.echo(json.dumps({"id": event.event_id, "type": event.type, "data": dict(event.task.raw)}))
            else:
                click.echo(f"{event.timestamp}  {event.type:<16}{event.task.task_id}  {event.event_id}")
            self._answer(204)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    with HTTPServer(("127.0.0.1", port), Handler) as server:
        click.echo(f"listening on http://127.0.0.1:{server.server_port}/ (Ctrl-C ends it)", err=True)
        while count is None or seen < count:
            server.handle_request()


@click.command()
@connected
def doctor(connection: Connection) -> None:
    """Check a deployment: address, key, clock, providers, queues."""
    with connection.open() as darkroom:
        findings = list(_examine(darkroom, connection))
    if connection.as_json:
        output.as_json([{"check": name, "ok": ok, "found": found} for name, ok, found in findings])
    else:
        for name, ok, found in findings:
            click.echo(f"{'ok  ' if ok else 'BAD '}{name:<20}{found}")
    if not all(ok for _, ok, _ in findings):
        raise click.exceptions.Exit(1)


Finding = tuple[str, bool, str]


def _examine(darkroom: Darkroom, connection: Connection) -> Iterator[Finding]:
    try:
        darkroom.request(Call("GET", "/health"))
    except DarkroomError as error:
        yield "address", False, str(error)
        return
    yield "address", True, "it answers"
    yield _clock(darkroom)
    yield _callbacks(darkroom)
    try:
        account = darkroom.account()
        models = darkroom.models()
    except DarkroomError as error:
        yield "key", False, str(error)
        return
    yield "key", True, f"of the owner {account['owner']}"
    offers = [offer for model in models for offer in model["offers"]]
    for provider in sorted({offer["provider"] for offer in offers}):
        yield _provider(provider, [offer for offer in offers if offer["provider"] == provider])
    yield from _queues(connection)


def _clock(darkroom: Darkroom) -> Finding:
    answer: httpx.Response = darkroom._http.get("/health")
    stamp = answer.headers.get("date")
    if not stamp:
        return "clock", True, "the deployment does not say its time"
    apart = abs(parsedate_to_datetime(stamp).timestamp() - time.time())
    return "clock", apart <= CLOCK_TOLERANCE, f"{apart:.0f} s apart"


def _callbacks(darkroom: Darkroom) -> Finding:
    """Whether callbacks would arrive, and a forged one is turned away: one is sent, with a token of nobody."""
    forged = Call("POST", "/callbacks/evolink/task_00000000000000000000000000/0", {}, repeatable=False)
    try:
        darkroom.request(forged)
    except PermissionDenied:
        return "callbacks", True, "they arrive, and a forged one is refused"
    except DarkroomError as error:
        return "callbacks", False, f"a forged one was answered {error.status}: {error}"
    return "callbacks", False, "a forged one was taken"


def _provider(name: str, offers: list[dict[str, Any]]) -> Finding:
    measured = [offer["measured"] for offer in offers]
    completed, failed = (sum(each[what] for each in measured) for what in ("completed", "failed"))
    lost = sum(each["callbacks_lost"] for each in measured)
    state = offers[0]["breaker"]
    found = f"breaker {state}; in 7 days {completed} completed, {failed} failed, {lost} callbacks lost"
    heard = completed == 0 or lost < completed
    return name, state == "closed" and heard, found if heard else f"{found}: can it reach the callback address?"


def _queues(connection: Connection) -> Iterator[Finding]:
    try:
        with connection.open(admin=True) as admin:
            counted = admin.request(Call("GET", "/v1/admin/dead-letters"))["data"]
    except PermissionDenied:
        yield "queues", True, "an admin key would show them"
        return
    waiting = {line["queue"]: line["messages"] for line in counted if line["messages"]}
    told = ", ".join(f"{count} in {queue}" for queue, count in waiting.items())
    yield "queues", not waiting, f"given up on: {told}" if waiting else "nothing was given up on"
