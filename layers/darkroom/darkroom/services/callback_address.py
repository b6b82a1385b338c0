"""The address that a provider is given to call back on."""

from functools import cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from darkroom.adapters.base import Adapter
from darkroom.domain.tokens import callback_token, token_is_valid
from darkroom.settings import Settings
from darkroom.stores.secrets import SigningKeys


class CallbackAddresses:
    """Makes and checks callback addresses: `<public url>/callbacks/{provider}/{task_id}/{token}`."""

    def __init__(self, settings: Settings, keys: SigningKeys) -> None:
        self._settings = settings
        self._keys = keys

    def given_to(self, adapter: Adapter) -> bool:
        """Whether a provider calls back and can reach us: a loopback address is of use only on loopback."""
        public = self._settings.public_url
        if not public or not adapter.traits.calls_back:
            return False
        return not _is_loopback(public) or _is_loopback(self._settings.provider_base_url(adapter.name))

    def address(self, provider: str, task_id: str) -> str:
        """The address for one task at one provider."""
        token = callback_token(self._keys.callback()[0], task_id, provider)
        return f"{self._settings.public_url}/callbacks/{provider}/{task_id}/{token}"

    def accepts(self, provider: str, task_id: str, token: str) -> bool:
        """Whether a token is one that we gave out for this task and provider."""
        return token_is_valid(token, task_id, provider, self._keys.callback())

    def for_order(self, adapter: Adapter, task_id: str) -> str:
        """The address to put into a submission, or an empty text where none shall be given."""
        return self.address(adapter.name, task_id) if self.given_to(adapter) else ""


@cache
def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
