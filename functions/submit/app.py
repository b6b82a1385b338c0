"""Everything that an app can change: post, cancel and delete tasks, batches, and sending a webhook again."""

from typing import Any

from darkroom.api.headers import idempotency_key, wait_seconds
from darkroom.api.http import Response, answer, authenticate, json_object, new_app, raw_body, request_id, respond
from darkroom.api.submitting import cancel_task, delete_task, resend_webhook, submit_task
from darkroom.api.tasks import owned_task, task_answer
from darkroom.clock import now
from darkroom.container import Container
from darkroom.observability import follow, observed
from darkroom.runtime.priming import prime
from darkroom.settings import Settings
from darkroom.tasks.long_polling import wait_for_end

container = Container(Settings.from_environment())
app = new_app()


@app.post("/v1/tasks")
def post_task() -> Response[str]:
    """Accept a task."""
    caller = authenticate(app, container)
    headers = app.current_event.headers
    wait, key = wait_seconds(headers), idempotency_key(headers)
    submitted = submit_task(container, caller, json_object(raw_body(app)), key=key, correlation_id=request_id(app))
    task = wait_for_end(container.tasks(), submitted.task, wait) if wait else submitted.task
    follow(task.task_id, task.correlation_id)
    replayed = {"idempotency_replayed": "true"} if submitted.replayed else {}
    status = 200 if wait and task.status.terminal else 202
    return task_answer(status, task, container.links(), now(), location=f"/v1/tasks/{task.task_id}", **replayed)


@app.post("/v1/batches")
def post_batch() -> Response[str]:
    """Accept up to 100 tasks, each by itself."""
    from darkroom.api.batches import submit_batch  # threads are not needed for one task

    caller = authenticate(app, container)
    key = idempotency_key(app.current_event.headers)
    body = json_object(raw_body(app))
    return answer(200, submit_batch(container, caller, body, key=key, request_id=request_id(app)))


@app.post("/v1/tasks/<task_id>/cancel")
def post_cancel(task_id: str) -> Response[str]:
    """Cancel an open task."""
    task = owned_task(container.tasks(), authenticate(app, container).owner, task_id)
    return task_answer(200, cancel_task(container, task), container.links(), now())


@app.delete("/v1/tasks/<task_id>")
def delete(task_id: str) -> Response[str]:
    """Remove an ended task and its images."""
    task = owned_task(container.tasks(), authenticate(app, container).owner, task_id)
    delete_task(container, task)
    return answer(204)


@app.post("/v1/tasks/<task_id>/webhook")
def post_webhook(task_id: str) -> Response[str]:
    """Send an ended task's webhook again."""
    task = owned_task(container.tasks(), authenticate(app, container).owner, task_id)
    resend_webhook(container, task)
    return task_answer(202, task, container.links(), now())


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Answer one request of API Gateway."""
    return respond(app, event, context)


prime(lambda: (container.accounts(), container.submissions(), container.links()))
