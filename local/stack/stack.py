"""The whole local stack: simulators, emulator, deployment, keys and front, started together and ended together."""

import contextlib
import json
import os
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from darkroom.accounts.key_admin import KeyAdmin
from darkroom.accounts.keys import ApiKey
from darkroom.aws.secrets import SigningKeys
from darkroom.catalog.shipped import shipped_catalog
from darkroom.webhooks.secrets import WebhookSecrets
from local.auditing.rights import close_record
from local.paths import LAYER, LOGS, ROOT, WORK
from local.processes import Process
from local.stack.deployment import deploy
from local.stack.emulator import REGION, Emulator, free_port
from local.stack.front import Front
from local.stack.function_logs import FunctionLogs
from local.stack.streaming import StreamingUrl

FIRST = ("qingbo", "evolink", "chanjing", "deepspace", "acedata")
"""The providers of the contract: who gives an address for each of them wants no simulator."""
SIMULATOR_KEY = "simulator-key"
OWNER = "local"
"""Whose key `api_key` is."""


class StackFailed(Exception):
    """The stack could not be started; the message is for whoever started it."""


@dataclass(frozen=True)
class StackSettings:
    """The settings of the contract (design.md, 'The local stack'), out of the environment."""

    environment: Mapping[str, str]

    @classmethod
    def from_environment(cls, **overrides: str) -> Self:
        """The settings of this process, with some of them given."""
        return cls({**os.environ, **overrides})

    @property
    def port(self) -> int:
        """Where the API shall answer; 0 picks a free port."""
        return int(self.environment.get("DARKROOM_PORT") or 8787)

    @property
    def state_file(self) -> Path:
        """Where the stack writes what it started."""
        return Path(self.environment.get("DARKROOM_STATE_FILE") or WORK / "stack.json")

    @property
    def time_scale(self) -> str:
        """What every waiting period is divided by."""
        return self.environment.get("DARKROOM_TIME_SCALE") or "1"

    @property
    def public_url(self) -> str:
        """The address providers can call back on, where one was given."""
        return self.environment.get("DARKROOM_PUBLIC_URL", "")

    def key(self, provider: str) -> str:
        """A provider's key, where one was given."""
        name = "ACCESS_TOKEN" if provider == "chanjing" else "API_KEY"
        return self.environment.get(f"DARKROOM_{provider.upper()}_{name}", "")

    def base_url(self, provider: str) -> str:
        """A provider's address, where one was given; the real one where only a key was."""
        given = self.environment.get(f"DARKROOM_{provider.upper()}_BASE_URL", "")
        if given or not self.key(provider):
            return given
        own: str = shipped_catalog().providers[provider].base_url
        return own

    @property
    def extra_parameters(self) -> dict[str, str]:
        """Template parameters given as `DARKROOM_PARAMETER_<Name>`."""
        prefix = "DARKROOM_PARAMETER_"
        return {k.removeprefix(prefix): v for k, v in self.environment.items() if k.startswith(prefix)}


class LocalStack:
    """A running stack. Use it as a context: whatever happens, nothing of it is left."""

    def __init__(self, settings: StackSettings) -> None:
        self.settings = settings
        self.api_key = f"dk_{secrets.token_urlsafe(24)}"
        self.admin_key = f"dk_admin_{secrets.token_urlsafe(24)}"
        self.simulators: dict[str, str] = {}
        self.outputs: dict[str, str] = {}
        self._ending = contextlib.ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._ending.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.close()

    def _start(self) -> None:
        port = self.settings.port or free_port()
        self.base_url = f"http://127.0.0.1:{port}"
        self.simulators = self._start_simulators()
        self.emulator = Emulator()
        self._ending.callback(self.emulator.stop)
        front = Front(self.emulator.url, port)
        try:
            front.start()
        except OSError as error:
            raise StackFailed(f"port {port} is taken: set DARKROOM_PORT to another one, or to 0") from error
        self._ending.callback(front.stop)
        self.outputs = deploy(self.emulator, self._parameters())
        self._ending.callback(close_record, self.emulator.calls)
        self.logs = FunctionLogs(self.emulator.client("logs"), LOGS / f"functions-{os.getpid()}.log")
        self.logs.start()
        self._ending.callback(self.logs.stop)
        self.streaming = StreamingUrl(self.emulator, "DialectsFunction")
        self.streaming.start()
        self._ending.callback(self.streaming.stop)
        self._put_provider_keys()
        self._put_api_keys()
        self._wait_until_it_answers()

    def _start_simulators(self) -> dict[str, str]:
        """Where each provider is: at the given address, or simulated."""
        given = {name: url for name in shipped_catalog().providers if (url := self.settings.base_url(name))}
        if given.keys() >= set(FIRST):
            return given
        state = WORK / f"simulators-{os.getpid()}.json"
        state.unlink(missing_ok=True)
        command = [sys.executable, "-m", "local.simulators", "--state", str(state), "--key", SIMULATOR_KEY]
        if latency := self.settings.environment.get("DARKROOM_SIMULATOR_LATENCY"):
            command += ["--latency", latency]
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{LAYER}"}
        process = Process("simulators", command, environment=environment, directory=ROOT)
        self._ending.callback(state.unlink, missing_ok=True)
        self._ending.callback(process.stop)
        ends_at = time.monotonic() + 20
        while not state.exists():
            if not process.alive or time.monotonic() > ends_at:
                raise StackFailed(f"the simulators did not come up:\n{process.last_words()}")
            time.sleep(0.05)
        simulated: dict[str, str] = json.loads(state.read_text())
        return {**simulated, **given}

    def _parameters(self) -> dict[str, str]:
        public_url = self.settings.public_url
        if not public_url and any(_is_loopback(url) for url in self.simulators.values()):
            # The functions give a loopback address to loopback providers only.
            public_url = self.base_url
        return {
            "ProviderAddresses": ",".join(f"{name}={url}" for name, url in self.simulators.items()),
            "PublicUrl": public_url,
            "LocalMode": "true",
            "TimeScale": self.settings.time_scale,
            **self.settings.extra_parameters,
        }

    def _put_provider_keys(self) -> None:
        keys = {
            name: {"access_token" if name == "chanjing" else "api_key": self.settings.key(name) or SIMULATOR_KEY}
            for name in self.simulators.keys() & shipped_catalog().providers.keys()
        }
        client = self.emulator.client("secretsmanager")
        client.put_secret_value(SecretId=self.outputs["ProviderSecret"], SecretString=json.dumps(keys))

    def _put_api_keys(self) -> None:
        book = KeyAdmin(self.emulator.client("dynamodb"), self.outputs["AccountsTable"])
        for key, owner, admin in ((self.api_key, OWNER, False), (self.admin_key, "admin", True)):
            book.record(ApiKey(owner, name="local stack", admin=admin), key, int(time.time() * 1000))

    def _wait_until_it_answers(self) -> None:
        answer = httpx.get(f"{self.base_url}/health", timeout=30, trust_env=False)
        if answer.status_code != 200:
            raise StackFailed(f"the API answers {answer.status_code}: {answer.text[:300]}")

    def webhook_secret(self, owner: str = OWNER) -> str:
        """The secret that an owner's (usually `api_key`'s) webhooks are signed with, as receivers need it."""
        client = self.emulator.client("secretsmanager")

        def read(name: str) -> dict[str, Any]:
            secret: dict[str, Any] = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
            return secret

        own = WebhookSecrets(self.emulator.client("dynamodb"), self.outputs["AccountsTable"])
        found = own.of_owner(owner, int(time.time() * 1000))
        return found[0] if found else SigningKeys(self.outputs["SigningSecret"], read).webhook(owner)

    def state(self) -> dict[str, Any]:
        """What the state file says."""
        queues = {
            name: self._local(self.outputs[f"{name.capitalize()}QueueUrl"])
            for name in ("look", "generate", "ingest", "webhook", "intake")
        }
        for name in tuple(queues):
            queues[f"{name}-dead-letters"] = self._local(self.outputs[f"{name.capitalize()}DeadLettersUrl"])
        return {
            "base_url": self.base_url,
            "streaming_url": self.streaming.url,
            "api_key": self.api_key,
            "admin_key": self.admin_key,
            "aws_endpoint_url": self.emulator.url,
            "region": REGION,
            "bucket": self.outputs["Bucket"],
            "tables": {"tasks": self.outputs["TasksTable"], "accounts": self.outputs["AccountsTable"]},
            "queues": queues,
            "event_bus": self.outputs["EventBus"],
            "webhook_secret": self.webhook_secret(),
            "providers": self.simulators,
            "pid": os.getpid(),
        }

    def _local(self, url: str) -> str:
        return url.replace("http://localhost:", "http://127.0.0.1:")


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
