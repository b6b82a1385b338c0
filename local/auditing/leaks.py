"""What no answer to an owner may hold: a provider's link to a picture, an address to call us back on, its token."""

import re
from collections.abc import Iterable

_CALLBACK = re.compile(r"callbacks(?:\\*/|%2f)[a-z0-9_-]+(?:\\*/|%2f)task_[0-9A-Z]{26}(?:\\*/|%2f)\S", re.IGNORECASE)
_TOKEN = re.compile(r"(?<![\w.-])[0-9a-zA-Z]{8,32}\.[A-Za-z0-9_-]{43}(?![\w-])")


def leaks(text: str, hosts: Iterable[str]) -> list[str]:
    """What of a text is nobody's to see. `hosts` are those of the providers' files, with their ports."""
    plain = text.replace("\\/", "/")
    found = [f"a link at {host}" for host in hosts if re.search(rf"{re.escape(host)}/\S", plain)]
    found += [f"a callback address: …{each[0][:40]}" for each in _CALLBACK.finditer(plain)]
    return found + [f"a token: {each[0][:12]}…" for each in _TOKEN.finditer(plain)]
