"""What an owner may know and change of its own account: credits, ledger and webhook secret."""

from typing import Any

from darkroom.api import accounts
from darkroom.api.http import Response, answer, authenticate, new_app, respond
from darkroom.observation import logger, observed
from darkroom.services.assembly import Assembly
from darkroom.services.clock import now
from darkroom.settings import Settings

assembly = Assembly(Settings.from_environment())
app = new_app()


@app.get("/v1/account")
def get_account() -> Response[str]:
    """The caller's account."""
    return answer(200, accounts.show_account(assembly, authenticate(app, assembly).owner))


@app.get("/v1/account/ledger")
def get_ledger() -> Response[str]:
    """The caller's ledger."""
    caller = authenticate(app, assembly)
    return answer(200, accounts.show_ledger(assembly, caller.owner, app.current_event.query_string_parameters))


@app.get("/v1/account/webhook-secret")
def get_webhook_secret() -> Response[str]:
    """The secret that the caller's webhooks are signed with."""
    owner = authenticate(app, assembly).owner
    return answer(200, {"object": "webhook.secret", "secret": assembly.webhook_secrets_of(owner)[0]})


@app.post("/v1/account/webhook-secret")
def rotate_webhook_secret() -> Response[str]:
    """Give the caller a new secret for its webhooks; the one before signs beside it for a day."""
    owner = authenticate(app, assembly).owner
    # Receivers that go by a secret of the deployment have a day to change, too.
    before = [assembly.keys().webhook(owner), *assembly.keys().shared_webhook()]
    secret = assembly.webhook_secrets().rotate(owner, now(), first=before[1] if len(before) > 1 else before[0])
    logger.info("webhook secret rotated")
    return answer(201, {"object": "webhook.secret", "secret": secret})


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Answer one request of API Gateway."""
    return respond(app, event, context)
