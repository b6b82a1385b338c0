"""The address that a provider is given to call back on."""

from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from darkroom.aws.secrets import SigningKeys
from darkroom.callbacks.token import callback_token, nonce_of
from darkroom.settings import Settings
from darkroom.tasks.ids import made_up_nonce
from darkroom.tasks.task import Task

if TYPE_CHECKING:
    from darkroom.providers.adapter import Adapter


class CallbackAddresses:
    """Makes and checks callback addresses: `<public url>/callbacks/{provider}/{task_id}/{token}`."""

    def __init__(self, settings: Settings, keys: SigningKeys) -> None:
        self._settings = settings
        self._keys = keys

    def given_to(self, adapter: "Adapter", address: str) -> bool:
        """Whether a provider at this address calls back and can reach us: a loopback one is of use only on loopback."""
        public = self._settings.public_url
        if not public or not adapter.traits.calls_back:
            return False
        return not _is_loopback(public) or _is_loopback(address)

    def address(self, provider: str, task_id: str, nonce: str) -> str:
        """The address for one record of a task at one provider."""
        token = callback_token(self._keys.callback()[0], task_id, provider, nonce)
        return f"{self._settings.public_url}/callbacks/{provider}/{task_id}/{token}"

    def record_of(self, provider: str, task_id: str, token: str) -> str | None:
        """The nonce of the record that we gave this token out for; None where we never gave it out for this task and
        provider. Nothing is read for it."""
        return nonce_of(token, task_id, provider, self._keys.callback())

    def for_submission(self, adapter: "Adapter", task: Task) -> str:
        """The address to put into a submission, or an empty text where none shall be given."""
        address = task.attempt.address if task.attempt else ""
        return self.address(adapter.name, task.task_id, task.nonce) if self.given_to(adapter, address) else ""


def is_meant(task: Task, nonce: str) -> bool:
    """Whether a token for a record with this nonce is for this record of its task.

    An earlier release gave out tokens without one, and its records have none but the one that reading them makes up.
    """
    return nonce == task.nonce or (not nonce and task.nonce == made_up_nonce(task.created_at))


@cache
def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
