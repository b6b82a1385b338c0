"""`make deploy` and `make destroy`: a deployment that asks for what it needs, and says what it did.

Every question can be answered beforehand by the environment, so that a pipeline can run it: DARKROOM_STACK, AWS_REGION,
DARKROOM_PUBLIC_URL, DARKROOM_ALARM_EMAIL, DARKROOM_<PROVIDER>_API_KEY, DARKROOM_OWNER, DARKROOM_YES=1. What is not
answered and can't be asked (no terminal) takes its default.
"""

import getpass
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
import httpx
from botocore.exceptions import BotoCoreError, ClientError

from darkroom.adapters.registry import PROVIDERS
from darkroom.stores.accounts import ApiKey
from darkroom.stores.key_book import KeyBook
from local.paths import ROOT, WORK

SAM = WORK / "sam" / "bin" / "sam"
KEPT = ("TasksTable", "AccountsTable", "Bucket")
"""What a deleted stack leaves behind on purpose."""


class GaveUp(Exception):
    """The deployment can't go on; the message says why, and what would help."""


@dataclass
class Guide:
    """Asks questions, unless the environment has answered them."""

    environment: Mapping[str, str]
    interactive: bool
    ask: Callable[[str], str] = input
    ask_secret: Callable[[str], str] = getpass.getpass
    told: list[str] = field(default_factory=list)

    def answer(self, name: str, question: str, default: str = "", *, secret: bool = False) -> str:
        """What the environment says under this name, else what a person says, else the default."""
        if name in self.environment:
            return self.environment[name]
        if not self.interactive:
            return default
        hint = f" [{default}]" if default else ""
        return (self.ask_secret if secret else self.ask)(f"{question}{hint}: ").strip() or default

    def confirmed(self, question: str) -> bool:
        """Whether it shall be done."""
        if self.environment.get("DARKROOM_YES") == "1":
            return True
        return self.interactive and self.ask(f"{question} [y/N]: ").strip().lower() in {"y", "yes"}

    def tell(self, line: str) -> None:
        """Say what is done."""
        self.told.append(line)
        print(line, flush=True)


@dataclass
class Target:
    """The account, region and stack that is deployed to."""

    session: boto3.Session
    stack: str
    region: str
    account: str

    @classmethod
    def chosen(cls, guide: Guide) -> "Target":
        """The target that the guide was told. Raises `GaveUp` without usable credentials."""
        region = guide.answer("AWS_REGION", "Region", os.environ.get("AWS_DEFAULT_REGION", "us-east-1"))
        stack = guide.answer("DARKROOM_STACK", "Name of the stack", "darkroom")
        session = boto3.Session(region_name=region)
        try:
            account = session.client("sts").get_caller_identity()["Account"]
        except (BotoCoreError, ClientError) as error:
            raise GaveUp(f"no AWS credentials that work ({error}): run `aws configure`, or set AWS_PROFILE") from error
        return cls(session, stack, region, account)

    def outputs(self) -> dict[str, str]:
        """The outputs of the stack."""
        (found,) = self.session.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def deploy(guide: Guide) -> None:
    """Deploy, fill in the providers' keys, and make the first keys. Raises `GaveUp`."""
    target = Target.chosen(guide)
    public_url = guide.answer("DARKROOM_PUBLIC_URL", "Custom domain providers call back on (none: the API's own)")
    email = guide.answer("DARKROOM_ALARM_EMAIL", "E-mail for alarms (none)")
    if not guide.confirmed(f"Deploy {target.stack} to account {target.account} in {target.region}?"):
        raise GaveUp("nothing was done")
    _sam(guide, target, "build", "--cached")
    parameters = {"PublicUrl": public_url, "AlarmEmail": email, **_more_parameters(guide)}
    given = [f"ParameterKey={name},ParameterValue={value}" for name, value in parameters.items() if value]
    _sam(
        guide, target, "deploy", "--no-confirm-changeset", "--no-fail-on-empty-changeset",
        *(["--parameter-overrides", *given] if given else []),
    )  # fmt: skip
    outputs = target.outputs()
    configured = _put_provider_keys(guide, target, outputs["ProviderSecret"])
    key = _make_first_keys(guide, target, outputs["AccountsTable"])
    _check(guide, outputs)
    guide.tell(f"\nThe API is at {outputs['ApiUrl']}; its console is the same address in a browser.")
    guide.tell(f"Calls of dialects that wait long or stream: {outputs['StreamingUrl']}")
    guide.tell(f"Providers with a key: {', '.join(configured) or 'none yet: run this again with their keys'}")
    if key:
        guide.tell("Try it:\n")
        guide.tell(f"  export DARKROOM_URL={outputs['ApiUrl']} DARKROOM_KEY={key}")
        guide.tell('  darkroom doctor\n  darkroom submit "a lighthouse in a snow storm"')


def destroy(guide: Guide) -> None:
    """Delete the stack. Pictures, tasks and accounts are kept until somebody deletes them. Raises `GaveUp`."""
    target = Target.chosen(guide)
    outputs = target.outputs()
    kept = [outputs[name] for name in KEPT]
    if not guide.confirmed(f"Delete {target.stack} in {target.region}? Kept: {', '.join(kept)}"):
        raise GaveUp("nothing was done")
    _sam(guide, target, "delete", "--no-prompts")
    guide.tell("The stack is deleted. These hold your data and were kept; delete them yourself when you want to:")
    for name in kept:
        guide.tell(f"  {name}")


def _more_parameters(guide: Guide) -> dict[str, str]:
    """Any other parameter of the template, as DARKROOM_PARAMETER_<Name>."""
    prefix = "DARKROOM_PARAMETER_"
    return {name.removeprefix(prefix): value for name, value in guide.environment.items() if name.startswith(prefix)}


def _sam(guide: Guide, target: Target, command: str, *options: str) -> None:
    guide.tell(f"sam {command} …")
    words = [str(SAM), command, "--region", target.region]
    if command != "build":
        words += ["--stack-name", target.stack]
    if command == "deploy":
        words += ["--resolve-s3", "--capabilities", "CAPABILITY_IAM"]
    if command == "build":
        words = [str(SAM), command]
    done = subprocess.run([*words, *options], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise GaveUp(f"sam {command} failed:\n{last}")


def _put_provider_keys(guide: Guide, target: Target, secret: str) -> list[str]:
    """Ask for the providers' keys and add them to those that are there; who has one."""
    client = target.session.client("secretsmanager")
    known: dict[str, Any] = json.loads(client.get_secret_value(SecretId=secret)["SecretString"])
    before = dict(known)
    for provider in PROVIDERS:
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
    return [provider for provider in PROVIDERS if known.get(provider)]


def _make_first_keys(guide: Guide, target: Target, table: str) -> str | None:
    """An admin's key and an owner's, where there are none yet; the owner's."""
    book = KeyBook(target.session.client("dynamodb"), table)
    if book.owners():
        guide.tell("There are keys already; `darkroom keys create` makes more.")
        return None
    owner = guide.answer("DARKROOM_OWNER", "Owner of the first API key", "me")
    now = time.time_ns() // 1_000_000
    admin = book.create(ApiKey("admin", name="first admin", admin=True), now)
    first = book.create(ApiKey(owner, name="first"), now)
    guide.tell("\nKeep these; they are shown this once:")
    guide.tell(f"  admin key  {admin.secret}")
    guide.tell(f"  API key    {first.secret}   (owner {owner})")
    return first.secret


def _check(guide: Guide, outputs: Mapping[str, str]) -> None:
    """Whether the API answers, from here."""
    url = guide.environment.get("DARKROOM_CHECK_URL", outputs["ApiUrl"])
    try:
        status = httpx.get(f"{url}/health", timeout=20).status_code
    except httpx.HTTPError as error:
        guide.tell(f"The API does not answer yet ({type(error).__name__}); `darkroom doctor` looks again.")
        return
    guide.tell("The API answers." if status == 200 else f"The API answers {status}; look at its functions' logs.")


def main() -> int:
    """Deploy or destroy. Returns the exit code."""
    guide = Guide(os.environ, interactive=sys.stdin.isatty())
    try:
        (destroy if sys.argv[1:] == ["destroy"] else deploy)(guide)
    except GaveUp as reason:
        print(reason, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"AWS refused: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
