"""The emulator, held to AWS's rules where it is laxer, and writing down every call that a role makes.

It runs in the emulator's own environment (`python -P strict_emulator.py CALLS`), in the place of its console script,
and imports nothing of ours. Each rule replaces one function of the emulator, and says so if that is not there any more.

CALLS is a file: a line `[role, action, resource]` for each kind of call that was allowed, as it is first made.
"""

import contextlib
import contextvars
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core import iam_evaluator
from ministack.core.lambda_runtime import INVOKE_DEPTH_HEADER
from ministack.services import lambda_svc, sqs

MOST_DELAY = 900
MOST_REMEMBERED = 100_000
"""Messages whose chains are remembered: far more than a run has under way."""


class SeamGone(SystemExit):
    """The emulator has no such function any more: a newer one was pinned, and this file has to follow."""


def replaced(module: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Put a function of ours, made of the original, in its place."""
    original = getattr(module, name, None)
    if not callable(original):
        raise SeamGone(f"{module.__name__} has no {name} any more: local/stack/strict_emulator.py has to follow")
    ours = make(original)
    setattr(module, name, ours)
    for table in vars(module).values():
        if isinstance(table, dict):
            table.update({key: ours for key, value in table.items() if value is original})


# What roles do


def record_calls(file: Path) -> None:
    """Write down every kind of call that a role was allowed to make."""
    seen: set[tuple[str, str, str]] = set()

    def make(evaluate: Any) -> Any:
        def recorded(ctx: Any, *policies: Any) -> Any:
            result = evaluate(ctx, *policies)
            if result.decision == "Allow" and ctx.principal_type == "AssumedRole":
                call = (ctx.principal_arn.split("/")[1], ctx.action, ctx.resource_arn)
                if call not in seen:
                    seen.add(call)
                    # The record is for whoever compares it later; a call goes on without.
                    with contextlib.suppress(OSError), file.open("a") as lines:
                        lines.write(json.dumps(call) + "\n")
            return result

        return recorded

    replaced(iam_evaluator, "evaluate", make)


# SQS: "DelaySeconds … 0 to 900" (API Reference, SendMessage)


def refuse_long_delays() -> None:
    """No message waits for more than fifteen minutes."""

    def make(send: Any) -> Any:
        def checked(data: dict[str, Any], queue: str) -> Any:
            delay = data.get("DelaySeconds")
            if delay is not None and not 0 <= int(delay) <= MOST_DELAY:
                raise sqs._Err(
                    "InvalidParameterValue",
                    f"Value {int(delay)} for parameter DelaySeconds is invalid. "
                    "Reason: DelaySeconds must be >= 0 and <= 900.",
                )
            return send(data, queue)

        return checked

    replaced(sqs, "_act_send_message", make)


# Lambda and SQS: an identifier that is in no record makes the whole batch fail (Developer Guide, "Handling errors for
# an SQS event source in Lambda": a batchItemFailures with an invalid itemIdentifier is a complete failure)


def refuse_strange_identifiers() -> None:
    """A function that names a message which it was not given has handled none of them."""

    def make(execute: Any) -> Any:
        def checked(func: Any, event: Any) -> Any:
            result = execute(func, event)
            known = _batch.get()
            if known is None or result.get("error"):
                return result
            named = _failures(result.get("body"))
            if all(name in known for name in named):
                return result
            told = {"errorType": "InvalidItemIdentifier", "errorMessage": f"{named} are not all of this batch"}
            return {**result, "error": True, "body": told}

        return checked

    replaced(lambda_svc, "_execute_function", make)


_batch: contextvars.ContextVar[set[str] | None] = contextvars.ContextVar("batch", default=None)


def _failures(body: Any) -> list[Any]:
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            return []
    failures = body.get("batchItemFailures") if isinstance(body, dict) else None
    return [each.get("itemIdentifier") for each in failures or []]


# Lambda: a chain of requests in which a function is invoked "more than approximately 16 times" is ended, also one
# through queues, unless the function has RecursiveLoop: Allow (Developer Guide, "Use Lambda recursive loop detection")


def end_loops_through_queues() -> None:
    """Count a chain's invocations through messages, as the emulator does for direct ones."""
    depths: dict[str, int] = {}
    depth: contextvars.ContextVar[int] = contextvars.ContextVar("depth", default=0)

    def make_request(handle: Any) -> Any:
        async def counted(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
            depth.set(int(headers.get(INVOKE_DEPTH_HEADER.lower(), 0)))
            return await handle(method, path, headers, body, query)

        return counted

    def make_send(send: Any) -> Any:
        def noted(data: dict[str, Any], queue: str) -> Any:
            answer = send(data, queue)
            if depth.get():
                depths[answer["MessageId"]] = depth.get()
                if len(depths) > MOST_REMEMBERED:
                    depths.pop(next(iter(depths)))
            return answer

        return noted

    def make_run(run: Any) -> Any:
        def guarded(esm: Any, func: Any, event: Any, batch: Any, *queue: Any) -> Any:
            ids = {record["messageId"] for record in event["Records"]}
            deepest = 1 + max((depths.get(name, 0) for name in ids), default=0)
            if lambda_svc._recursive_loop_drop(esm["FunctionName"], func, deepest):
                return None  # not deleted: it comes again, and ends among the dead letters

            def inside() -> Any:
                _batch.set(ids)
                lambda_svc._invoke_depth.set(deepest)
                return run(esm, func, event, batch, *queue)

            return contextvars.copy_context().run(inside)

        return guarded

    for name in ("_recursive_loop_drop", "_invoke_depth"):
        if not hasattr(lambda_svc, name):
            raise SeamGone(f"the emulator has no {name} any more: local/stack/strict_emulator.py has to follow it")
    replaced(sqs, "handle_request", make_request)
    replaced(sqs, "_act_send_message", make_send)
    replaced(lambda_svc, "_run_sqs_batch", make_run)


def main() -> None:
    """Hold the emulator to the rules, and start it."""
    calls = Path(sys.argv.pop(1))
    record_calls(calls)
    refuse_long_delays()
    refuse_strange_identifiers()
    end_loops_through_queues()
    app.main()


if __name__ == "__main__":
    main()
