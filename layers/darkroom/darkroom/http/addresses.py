"""Which addresses the outside world is made of: nothing private, nothing local, nothing that embeds such."""

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from darkroom.http.errors import AddressRefused, ConnectFailed

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Sequence[str]]

MAX_WEBHOOK_URL = 2048
# Networks whose addresses carry an IPv4 address inside (RFC 6052, RFC 8215, RFC 3056, RFC 4380).
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_COMPATIBLE = IPv6Network("::/96")
_ISATAP = {0x00005EFE, 0x02005EFE}
"""What stands before an embedded IPv4 address in any prefix (RFC 5214, section 6.1)."""
_NOBODYS = (
    IPv4Network("192.0.0.0/24"),  # protocol assignments (RFC 6890), Oracle's metadata among them
    IPv4Network("192.88.99.0/24"),  # relays that are no more (RFC 7526)
    IPv4Network("168.63.129.16/32"),  # Azure's platform (learn.microsoft.com, What is IP address 168.63.129.16?)
)
"""What Python takes for public, and nobody's server is at."""
_SITE_LOCAL = IPv6Network("fec0::/10")


def is_public(address: Address) -> bool:
    """Whether an address is a host on the open internet, and not a way round to one that is not."""
    if isinstance(address, IPv6Address):
        if address.is_site_local or address in _SITE_LOCAL or address.scope_id:
            return False
        return all(is_public(inner) for inner in _embedded(address)) and _global_unicast(address)
    return _global_unicast(address) and not any(address in network for network in _NOBODYS)


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as the system has them. Raises `ConnectFailed`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConnectFailed(f"the name could not be resolved: {type(error).__name__}") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def allowed_addresses(host: str, port: int, *, allow_loopback: bool, resolver: Resolver = resolve) -> Sequence[str]:
    """The addresses of a host that may be connected to: all of them are checked, and one bad one refuses the host.

    Raises `AddressRefused`, `ConnectFailed`.
    """
    names = resolver(host.rstrip("."), port)
    if not names:
        raise ConnectFailed("the name has no address")
    for name in names:
        address = ip_address(name)
        if not is_public(address) and not (allow_loopback and address.is_loopback):
            raise AddressRefused("the address is not public")
    return names


def check_url(url: str, *, allow_loopback: bool) -> SplitResult:
    """A web address in a form that can be gone to: http or https, a host, no credentials. Raises `AddressRefused`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise AddressRefused("it is not a web address") from error
    if any(ord(letter) <= 32 or ord(letter) == 127 or letter == "\\" for letter in url):
        raise AddressRefused("it has a space, a backslash or a control character in it")
    if parts.scheme not in {"http", "https"} or not host:
        raise AddressRefused("it is not an http or https address with a host")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("it has credentials in it")
    if port == 0:
        raise AddressRefused("it has no usable port")
    literal = _literal(host)
    if literal and not is_public(literal) and not (allow_loopback and literal.is_loopback):
        raise AddressRefused("the address is not public")
    if not literal and ("[" in parts.netloc or not _is_name(host)):
        raise AddressRefused("its host is neither a name nor an address")
    return parts


def check_webhook_url(url: str, *, local_mode: bool) -> None:
    """The rule for a webhook's address when it is given: https and public (http on loopback in local mode).

    A name is looked up when something is delivered, not here. Raises `ValueError` with what would be right.
    """
    if len(url) > MAX_WEBHOOK_URL:
        raise ValueError(f"must have at most {MAX_WEBHOOK_URL} characters")
    try:
        parts = check_url(url, allow_loopback=local_mode)
    except AddressRefused as error:
        raise ValueError(f"must be a public https address: {error}") from error
    host = parts.hostname or ""
    literal = _literal(host)
    loopback = host == "localhost" or (literal is not None and literal.is_loopback)
    if host == "localhost" and not local_mode:
        raise ValueError("must be a public https address: the address is not public")
    if parts.scheme != "https" and not (local_mode and loopback):
        raise ValueError("must be an https address")


def _is_name(host: str) -> bool:
    """Whether a host can be looked up at all: labels of 1 to 63 characters, 253 in all (RFC 1035, section 2.3.4)."""
    try:
        return 0 < len(host.rstrip(".").encode("idna")) <= 253
    except UnicodeError:
        return False


def _literal(host: str) -> Address | None:
    """A host that is an IP address, also in the odd forms that resolvers take (decimal, octal, hexadecimal)."""
    bare = host.rstrip(".").partition("%")[0]
    try:
        return ip_address(bare)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(bare))
    except OSError:
        return None


def _global_unicast(address: Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_private
        and not address.is_unspecified
    )


def _embedded(address: IPv6Address) -> list[IPv4Address]:
    inner = [found for found in (address.ipv4_mapped, address.sixtofour) if found]
    if address.teredo:
        inner.extend(address.teredo)
    isatap = int(address) >> 32 & 0xFFFFFFFF in _ISATAP
    if isatap or address in _COMPATIBLE or any(address in network for network in _NAT64):
        inner.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return inner
