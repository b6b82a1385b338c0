"""`python -m local.deploying [keys|destroy]`: the order in which everything is asked, checked, built and done."""

import os
import sys
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.deploying import aftercare, change_set
from local.deploying.account import check_concurrency
from local.deploying.building import LAYER, build, package
from local.deploying.guide import GaveUp, Guide
from local.deploying.keys import make_first_keys, put_provider_keys
from local.deploying.leftovers import tell_leftovers
from local.deploying.parameters import PREFIX, Running, decided, given_by, told
from local.deploying.permissions import check_permissions
from local.deploying.release import release_of, without_caches
from local.deploying.stack_state import Existing, delete, made_ready
from local.deploying.target import Target
from local.paths import FUNCTIONS, SAM_BUILD
from local.template.reading import read_template

KEPT = ("TasksTable", "AccountsTable", "Bucket", "SigningSecret", "ProviderSecret")
"""What a deleted stack leaves behind on purpose."""


def deploy(guide: Guide) -> None:
    """Check, build, deploy, fill in the providers' keys, and make the first keys. Raises `GaveUp`."""
    target = Target.chosen(guide)
    declared = read_template()["Parameters"]
    existing = made_ready(guide, target)
    running = Running.of(target.client("cloudformation"), target.stack) if existing else Running()
    values = decided(declared, running, {**given_by(guide.environment, declared), **_asked(guide, declared, running)})
    _preflight(guide, target, existing, values)
    for line in told(running, values):
        guide.tell(line)
    if not guide.confirmed(f"Deploy {target.stack} to account {target.account} in {target.region}?"):
        raise GaveUp("nothing was done")
    _bring_about(guide, target, existing, values)
    outputs = target.outputs()
    providers = put_provider_keys(guide, target, outputs["ProviderSecret"])
    key = make_first_keys(guide, target, outputs["AccountsTable"])
    aftercare.check_health(guide, outputs)
    aftercare.check_alarms(guide, target, values["AlarmEmail"])
    aftercare.tell_next_steps(guide, outputs, providers, key)


def put_keys(guide: Guide) -> None:
    """The keys alone, for a stack that was deployed by hand: the providers' and the first of our own.

    Raises `GaveUp`.
    """
    target = Target.chosen(guide)
    if Existing.find(target.client("cloudformation"), target.stack) is None:
        raise GaveUp(f"there is no stack {target.stack} in {target.region}")
    outputs = target.outputs()
    put_provider_keys(guide, target, outputs["ProviderSecret"])
    make_first_keys(guide, target, outputs["AccountsTable"])


def destroy(guide: Guide) -> None:
    """Delete the stack. Pictures, tasks, accounts and secrets are kept until somebody deletes them. Raises `GaveUp`."""
    target = Target.chosen(guide)
    client = target.client("cloudformation")
    existing = Existing.find(client, target.stack)
    if existing is None:
        raise GaveUp(f"there is no stack {target.stack} in {target.region}")
    outputs = target.outputs()
    kept = [outputs[name] for name in KEPT if name in outputs]
    if not guide.confirmed(f"Delete {target.stack} in {target.region}? Kept: {', '.join(kept)}"):
        raise GaveUp("nothing was done")
    delete(guide, client, existing.stack_id)
    guide.tell("The stack is deleted. These hold your data and were kept; delete them yourself when you want to:")
    for name in kept:
        guide.tell(f"  {name}")


def _asked(guide: Guide, declared: Mapping[str, Any], running: Running) -> dict[str, str]:
    """What a person is asked, or the environment says in words of its own; nothing where neither says anything."""
    texts = {
        "PublicUrl": ("DARKROOM_PUBLIC_URL", "Custom domain providers call back on (none: the API's own)"),
        "AlarmEmail": ("DARKROOM_ALARM_EMAIL", "E-mail for alarms (none)"),
    }
    switches = {
        "StreamingUrl": ("DARKROOM_STREAMING_URL", "May the dialects have a public address of their own, for streams?"),
        "DemoProvider": (
            "DARKROOM_DEMO_PROVIDER",
            "Add a provider that only plays one, to try everything without a key?",
        ),
    }
    asked = {}
    for name, (variable, question) in {**texts, **switches}.items():
        if name not in declared or not (variable in guide.environment or guide.interactive):
            continue
        if PREFIX + name in guide.environment:
            continue
        before = running.values.get(name, str(declared[name]["Default"]))
        if name in switches:
            asked[name] = str(guide.decided(variable, question, default=before == "true")).lower()
        else:
            asked[name] = guide.answer(variable, question, before)
    return asked


def _preflight(guide: Guide, target: Target, existing: Existing | None, values: Mapping[str, str]) -> None:
    """What would stand against it in some minutes is said now."""
    check_permissions(guide, target)
    check_concurrency(guide, target, values)
    tell_leftovers(guide, target, set(target.resources().values()) if existing else ())


def _bring_about(guide: Guide, target: Target, existing: Existing | None, values: Mapping[str, str]) -> None:
    """Build, upload and deploy with exactly these parameters. Raises `GaveUp`."""
    without_caches(FUNCTIONS)
    built = build(guide, values["Architecture"], SAM_BUILD)
    release = release_of([built.parent / LAYER, FUNCTIONS], built, values)
    guide.tell(f"Release {release}")
    packaged, bucket = package(guide, target, built)
    url = change_set.upload_template(target, packaged, bucket)
    changes = change_set.make(target, existing, url, {**values, "Release": release})
    if changes is None:
        guide.tell("Nothing has changed since the last deployment.")
    else:
        change_set.carry_out(guide, target, existing, changes)


def main() -> int:
    """Deploy, fill in keys, or destroy. Returns the exit code."""
    guide = Guide(os.environ, interactive=sys.stdin.isatty())
    try:
        _COMMANDS[" ".join(sys.argv[1:])](guide)
    except GaveUp as reason:
        print(reason, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"AWS refused: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; what CloudFormation has begun goes on: run this again to see how it ends", file=sys.stderr)
        return 130
    return 0


_COMMANDS = {"": deploy, "keys": put_keys, "destroy": destroy}


if __name__ == "__main__":
    sys.exit(main())
