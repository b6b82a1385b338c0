"""The providers' keys, which are put in, and the first keys of our own, which are handed out once."""

import json
import os
import secrets
import time
from pathlib import Path
from typing import Any

from darkroom.accounts.key_admin import PREFIX, KeyAdmin
from darkroom.accounts.keys import ApiKey
from darkroom.catalog.shipped import shipped_rows
from local.deploying.guide import GaveUp, Guide
from local.deploying.target import Target
from local.paths import WORK


def put_provider_keys(guide: Guide, target: Target, secret: str) -> list[str]:
    """Ask for the providers' keys and add them to those that are there; who has one."""
    client = target.client("secretsmanager")
    known: dict[str, Any] = json.loads(client.get_secret_value(SecretId=secret)["SecretString"])
    before = dict(known)
    providers = tuple(shipped_rows()["providers"])
    for provider in providers:
        question = f"API key of {provider} (none: as it is)"
        if provider == "chanjing":
            app = guide.answer("DARKROOM_CHANJING_APP_ID", "app_id of chanjing (none: as it is)")
            if app:
                key = guide.answer("DARKROOM_CHANJING_SECRET_KEY", "secret_key of chanjing", secret=True)
                known[provider] = {"app_id": app, "secret_key": key}
            continue
        key = guide.answer(f"DARKROOM_{provider.upper()}_API_KEY", question, secret=True)
        if key:
            known[provider] = {"api_key": key}
    if known != before:
        client.put_secret_value(SecretId=secret, SecretString=json.dumps(known))
    return [provider for provider in providers if known.get(provider)]


def make_first_keys(guide: Guide, target: Target, table: str) -> str | None:
    """An admin's key and an owner's, where there are none yet. Returns the owner's where it may be shown.

    A person at a terminal is shown them once. Anywhere else output is kept and read by others, so they go into a file
    that only its owner reads: DARKROOM_KEYS_FILE, else one under .local/keys. In a pipeline (CI is set) that file would
    be gone with its workspace, so without DARKROOM_KEYS_FILE no key is made there. Raises `GaveUp`.
    """
    book = KeyAdmin(target.client("dynamodb"), table)
    if book.owners():
        guide.tell("There are keys already; `darkroom keys create` makes more.")
        return None
    if guide.in_pipeline and not guide.environment.get("DARKROOM_KEYS_FILE"):
        guide.tell(
            "No key was made: the only copy would lie in this pipeline's workspace, or in its log. Set "
            "DARKROOM_KEYS_FILE to a file that it keeps safe, or run `make deploy` once from a terminal."
        )
        return None
    owner = guide.answer("DARKROOM_OWNER", "Owner of the first API key", "me")
    # Written down before they are recorded: a key in force that nobody has would stand in the way of others.
    made = {name: PREFIX + secrets.token_urlsafe(32) for name in ("admin_key", "api_key")}
    if not guide.watched:
        path = _write_down(guide, target, {"owner": owner, **made})
        guide.tell(
            f"The admin's key and an API key (owner {owner}) are in {path}, which only you can read; keep it safe."
        )
    now = time.time_ns() // 1_000_000
    book.record(ApiKey("admin", name="first admin", admin=True), made["admin_key"], now)
    book.record(ApiKey(owner, name="first"), made["api_key"], now)
    if not guide.watched:
        return None
    guide.tell("\nKeep these; they are shown this once:")
    guide.tell(f"  admin key  {made['admin_key']}")
    guide.tell(f"  API key    {made['api_key']}   (owner {owner})")
    return made["api_key"]


def _write_down(guide: Guide, target: Target, content: dict[str, str]) -> Path:
    given = guide.environment.get("DARKROOM_KEYS_FILE")
    path = Path(given) if given else WORK / "keys" / f"{target.stack}-{target.account}-{target.region}.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}")
        # Its mode from the first byte on, whatever the umask or an older file says.
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(json.dumps(content, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        if path.exists():  # the keys of an earlier stack, whose table may still be there
            path.rename(path.with_name(f"{path.name}.{int(path.stat().st_mtime)}.old"))
        unfinished.replace(path)
    except OSError as error:
        raise GaveUp(
            f"the keys can't be written to {path} ({error}), so none were made: set DARKROOM_KEYS_FILE"
        ) from error
    return path
