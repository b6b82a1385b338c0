"""Which addresses are the outside world."""

from ipaddress import IPv4Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.http.addresses import allowed_addresses, check_url, check_webhook_url, is_public
from darkroom.http.errors import AddressRefused, ConnectFailed

REFUSED = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1",
    "64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::", "2001:db8::1", "fe80::1", "fec0::1",
    "192.0.0.192", "192.88.99.1", "168.63.129.16", "2606:4700::5efe:a00:1", "2606:4700::200:5efe:7f00:1",
    "fc00::1", "fd00:ec2::254", "ff02::1", "2001:0:7f00:1::",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "52.95.110.1", "2606:4700:4700::1111", "2a00:1450:4001::200e"]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_public_is_refused(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_what_is_public_is_let_through(text: str) -> None:
    assert is_public(ip_address(text))


NETWORKS = ("10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16", "100.64.0.0/10")
PRIVATE = [ip_network(text) for text in NETWORKS]


@given(st.sampled_from(PRIVATE), st.integers(0, 2**16 - 1), st.sampled_from(["::ffff:", "::", "64:ff9b::"]))
def test_no_private_address_hides_inside_another(network: object, offset: int, prefix: str) -> None:
    inner = IPv4Address(int(network.network_address) + offset)  # type: ignore[attr-defined]
    assert not is_public(inner)
    assert not is_public(ip_address(f"{prefix}{inner}"))


def test_one_bad_address_refuses_the_whole_name() -> None:
    def resolver(host: str, port: int) -> list[str]:
        return ["1.1.1.1", "10.0.0.1"]

    with pytest.raises(AddressRefused):
        allowed_addresses("example.com", 443, allow_loopback=False, resolver=resolver)
    with pytest.raises(ConnectFailed):
        allowed_addresses("example.com", 443, allow_loopback=False, resolver=lambda host, port: [])


def test_local_mode_opens_loopback_and_nothing_else() -> None:
    def answers(address: str) -> list[str]:
        return list(allowed_addresses("x", 80, allow_loopback=True, resolver=lambda host, port: [address]))

    assert answers("127.0.0.1") == ["127.0.0.1"]
    assert answers("::1") == ["::1"]
    for address in ("10.0.0.1", "169.254.169.254", "192.168.0.1", "fd00::1"):
        with pytest.raises(AddressRefused):
            answers(address)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/", "https://", "https:///x", "//example.com", "https://u:p@example.com/", "file:///etc/passwd",
        "https://example.com:0/", "https://example.com:99999/", "https://exa mple.com/", "https://example.com\\@evil/",
        "https://127.0.0.1/", "https://2130706433/", "https://0x7f.1/", "https://0177.0.0.1/", "https://[::1]/",
        "https://[::ffff:10.0.0.1]/", "https://127.0.0.1./", "https://example.com/\n", "javascript:alert(1)", "",
        "https://./", "https://../x", "https://[v1.a]/", "https://a..b/", f"https://{'a' * 64}.com/",
        f"https://{'a.' * 130}com/",
    ],
)  # fmt: skip
def test_an_address_in_a_strange_form_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        check_url(url, allow_loopback=False)


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        assert check_url(text, allow_loopback=False).hostname
    except AddressRefused:
        pass


def test_a_webhook_goes_to_a_public_https_address() -> None:
    check_webhook_url("https://app.example.com/hook?x=1", local_mode=False)
    check_webhook_url("http://127.0.0.1:9000/hook", local_mode=True)
    check_webhook_url("http://localhost:9000/hook", local_mode=True)
    for url in (
        "http://app.example.com/hook", "https://localhost/hook", "https://10.0.0.1/hook", "https://127.0.0.1/hook",
        "https://a@app.example.com/", "https://app.example.com/" + "x" * 2048,
    ):  # fmt: skip
        with pytest.raises(ValueError, match="must"):
            check_webhook_url(url, local_mode=False)
    with pytest.raises(ValueError, match="must"):
        check_webhook_url("http://app.example.com/hook", local_mode=True)
