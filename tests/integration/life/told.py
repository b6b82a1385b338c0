"""Everything that an owner or a provider is ever told of a task."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from darkroom.accounts.ledger import AccountLedger
from darkroom.api.history import dispute_bundle, posted_request, task_events
from darkroom.api.rendering import render_task
from darkroom.dialects.calls import LookUp
from darkroom.dialects.refusals import refusal_of
from darkroom.dialects.registry import DIALECTS, dialect
from darkroom.tasks.task import Entry, Task
from darkroom.webhooks.delivery_log import DeliveryLog
from tests.integration.emulated_aws import ACCOUNTS, shared_session
from tests.integration.life.world import World


def everything_told(world: World, task: Task) -> Iterator[str]:
    """Every answer about a task: our own, its history, the bundle for a dispute, and those of every dialect."""
    yield json.dumps(render_task(task, world.links, world.time))
    yield json.dumps(posted_request(task.request))
    accounts = AccountLedger(shared_session().client("dynamodb"), ACCOUNTS)
    container: Any = SimpleNamespace(
        objects=lambda: world.objects,
        account_ledger=lambda: accounts,
        callback_notes=lambda: world.notes,
        delivery_log=lambda of: world.deliveries.get(of.task_id) or DeliveryLog(of.task_id, of.owner, "", 0),
    )
    yield json.dumps(dispute_bundle(container, task))
    yield json.dumps(task_events(container, task))
    for name in DIALECTS:
        spoken = dialect(name)
        seen = world.presenter.view(replace(task, entry=Entry(name, task.request.model, {})), name)
        with suppress(NotImplementedError):
            yield json.dumps(spoken.callback(seen), default=str)
        with suppress(NotImplementedError):
            yield json.dumps(list(spoken.events(seen, ())), default=str)
        yield str(spoken.answer(LookUp(task.task_id), [seen], "trace"))
        if task.error:
            yield str(spoken.refuse(refusal_of(task.error, task.task_id), "trace"))
