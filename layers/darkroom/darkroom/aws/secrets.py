"""The managed secrets, cached for a few minutes by Powertools: a rotation is seen without a deployment."""

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Collection, Mapping
from typing import Any, Protocol

CACHE_SECONDS = 300


class SecretReader(Protocol):
    """Reads a secret that holds JSON (Powertools' `get_secret` with `transform="json"`)."""

    def __call__(self, name: str) -> Mapping[str, Any]:
        """The secret's value."""
        ...


def read_secret(name: str) -> Mapping[str, Any]:
    """A secret's JSON from Secrets Manager, at most five minutes old."""
    from aws_lambda_powertools.utilities.parameters import (
        SecretsProvider,
    )  # slow to import, and not always needed

    from darkroom.aws.clients import secrets_manager

    global _provider  # noqa: PLW0603 - one provider a process, so that its cache is shared
    if _provider is None:
        _provider = SecretsProvider(boto3_client=secrets_manager())
    value: Mapping[str, Any] = _provider.get(name, max_age=CACHE_SECONDS, transform="json")
    return value


def forget_secrets() -> None:
    """Read every secret anew when it is next asked for."""
    if _provider is not None:
        _provider.clear_cache()


_provider: Any = None


class SigningKeys:
    """The keys that task ids and callback tokens are made with, and webhooks signed: all from one managed secret.

    The secret is `{"identity": "…", "callback": ["new", "old"]}`. Without a `callback` list its keys are derived from
    `identity`, as the owners' webhook secrets are, so that a fresh deployment needs no second value (Secrets Manager
    generates one for each secret, and bills each); a rotation writes them. `"webhook": {"current", "previous"}` is of
    earlier releases, and signs beside the owners' own.
    """

    def __init__(self, name: str, read: SecretReader = read_secret) -> None:
        self._name = name
        self._read = read

    def identity(self) -> bytes:
        """The key that task ids are derived with."""
        return self._derived(self._read(self._name), "task-id")

    def callback(self) -> list[bytes]:
        """The keys of valid callback tokens; the first one signs."""
        secret = self._read(self._name)
        given = [str(key).encode() for key in secret.get("callback") or []]
        return given or [self._derived(secret, "callback")]

    def access(self) -> bytes:
        """The key that access tokens are made with."""
        return self._derived(self._read(self._name), "access-token")

    def webhook(self, owner: str) -> str:
        """The secret that an owner's webhooks are signed with from its first day on, in Standard Webhooks' form.

        (That is `whsec_` and base64.) No owner can forge a webhook to another by it.
        """
        return f"whsec_{b64encode(self._derived(self._read(self._name), f'webhook of {owner}')).decode()}"

    def shared_webhook(self) -> list[str]:
        """Secrets of the deployment as a whole, which receivers of an earlier release may still go by: none as a rule.

        In the managed secret they are any text, or in Standard Webhooks' form already. Whoever knows them can forge
        webhooks to those who go by them.
        """
        given = self._read(self._name).get("webhook") or {}
        found = [str(given[field]) for field in ("current", "previous") if given.get(field)]
        return [text if text.startswith("whsec_") else f"whsec_{b64encode(text.encode()).decode()}" for text in found]

    def demo(self) -> bytes:
        """The key that the demo seals what it gives out with."""
        return self._derived(self._read(self._name), "demo")

    @staticmethod
    def _derived(secret: Mapping[str, Any], purpose: str) -> bytes:
        return hmac.new(str(secret["identity"]).encode(), purpose.encode(), hashlib.sha256).digest()


class NoCredential(Exception):
    """The managed secret has no (such) credential for a provider."""


class Credentials:
    """The providers' credentials.

    The secret maps a provider to its fields (`{"api_key": …}`), or, where several are in use at once, to
    `{"current": name, "credentials": {name: fields}}`: new tasks take the current one, and every open task keeps
    the one that it was submitted with.
    `keyless` providers are there without an entry.
    """

    DEFAULT = "default"

    def __init__(self, name: str, read: SecretReader = read_secret, *, keyless: Collection[str] = ()) -> None:
        self._name = name
        self._read = read
        self._keyless = keyless

    def available(self) -> frozenset[str]:
        """The providers that there is a credential for, and those that take none."""
        secret = self._read(self._name)
        return frozenset({*self._keyless, *(name for name, entry in secret.items() if _is_credential(entry))})

    def current(self, provider: str) -> str:
        """The name of the credential that new tasks take."""
        return str(self._read(self._name).get(provider, {}).get("current", self.DEFAULT))

    def fields(self, provider: str, name: str) -> Mapping[str, str]:
        """One credential's fields. Raises `NoCredential`."""
        if provider in self._keyless:
            return {"api_key": "none"}
        entry = self._read(self._name).get(provider) or {}
        fields = entry.get("credentials", {}).get(name) if "credentials" in entry else entry
        if not fields:
            raise NoCredential(f"the provider secret has no credential {name!r} for {provider}")
        return {key: str(value) for key, value in fields.items()}

    def add(self, provider: str, fields: Mapping[str, str]) -> str:
        """Keep one more credential of a provider, under a name that is given back. No task takes it by itself.

        Secrets Manager writes a secret as a whole: of two who do so in the same moment the later one wins.
        """
        from darkroom.aws.clients import secrets_manager

        forget_secrets()
        secret = dict(self._read(self._name))
        entry = dict(secret.get(provider) or {})
        kept = dict(entry.get("credentials") or ({self.DEFAULT: entry} if _is_credential(entry) else {}))
        name = next(name for number in range(len(kept) + 1) if (name := f"key-{number + 1}") not in kept)
        current = {"current": entry["current"]} if "current" in entry else {}
        secret[provider] = {**current, "credentials": {**kept, name: dict(fields)}}
        secrets_manager().put_secret_value(SecretId=self._name, SecretString=json.dumps(secret))
        forget_secrets()
        return name


def _is_credential(entry: Any) -> bool:
    return bool(entry) and isinstance(entry, dict)
