"""Downloading one image."""

import gzip
import hashlib
import zlib
from io import BytesIO

import pytest

from darkroom.http.client import HttpClient
from darkroom.http.errors import AddressRefused, ImageTooLarge, LinkFailed, LinkGone, LinkRefused
from darkroom.http.timeout import Timeout
from darkroom.images.download import Downloader
from tests.unit.http.servers import Handler, closed_port, serving

CONTENT = bytes(range(256)) * 4000


def downloader() -> Downloader:
    return Downloader(HttpClient(allow_loopback=True), Timeout(connect=1, read=1, total=5))


def test_every_byte_arrives_and_is_hashed() -> None:
    with serving(a=lambda handler: handler.reply(200, CONTENT)) as server:
        sink = BytesIO()
        found = downloader().download(f"{server.url}/a", sink, max_bytes=10**7)
        assert sink.getvalue() == CONTENT
        assert (found.size, found.sha256) == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
        assert not {"authorization", "cookie", "referer"} & server.seen[0][2].keys()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, LinkGone),
        (403, LinkGone),
        (410, LinkGone),
        (400, LinkRefused),
        (204, LinkRefused),
        (202, LinkRefused),
        (300, LinkRefused),
        (500, LinkFailed),
    ],
)
def test_a_refusal_says_what_kind_it_is(status: int, error: type[Exception]) -> None:
    with serving(a=lambda handler: handler.reply(status)) as server, pytest.raises(error):
        downloader().download(f"{server.url}/a", BytesIO(), max_bytes=100)


def test_more_than_allowed_is_refused_announced_or_not() -> None:
    def endless(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("connection", "close")
        handler.end_headers()
        try:
            for _ in range(10_000):
                handler.wfile.write(b"x" * 65536)
        except OSError:
            handler.close_connection = True

    with serving(a=lambda handler: handler.reply(200, CONTENT), b=endless) as server:
        for name in ("a", "b"):
            sink = BytesIO()
            with pytest.raises(ImageTooLarge):
                downloader().download(f"{server.url}/{name}", sink, max_bytes=200_000)
            assert len(sink.getvalue()) <= 200_000


def test_a_short_body_is_a_failure() -> None:
    def short(handler: Handler) -> None:
        handler.reply(200, b"half", Content_Length="1000")
        handler.close_connection = True

    with serving(a=short) as server, pytest.raises(LinkFailed):
        downloader().download(f"{server.url}/a", BytesIO(), max_bytes=10**6)


def test_a_few_redirects_are_followed_and_no_more() -> None:
    def hop(handler: Handler) -> None:
        number = int(handler.path.partition("=")[2])
        if number:
            handler.reply(302, Location=f"/a?n={number - 1}")
        else:
            handler.reply(200, CONTENT)

    with serving(a=hop) as server:
        assert downloader().download(f"{server.url}/a?n=10", BytesIO(), max_bytes=10**7).size == len(CONTENT)
        with pytest.raises(LinkRefused):
            downloader().download(f"{server.url}/a?n=11", BytesIO(), max_bytes=10**7)


@pytest.mark.parametrize("status", [200, 201, 203])
def test_a_picture_is_taken_with_any_status_that_brings_it(status: int) -> None:
    with serving(a=lambda handler: handler.reply(status, CONTENT)) as server:
        assert downloader().download(f"{server.url}/a", BytesIO(), max_bytes=10**7).size == len(CONTENT)


RAW = zlib.compressobj(wbits=-zlib.MAX_WBITS)
CODINGS = {
    "gzip": gzip.compress(CONTENT),
    "x-gzip": gzip.compress(CONTENT),
    "": gzip.compress(CONTENT),
    "deflate": zlib.compress(CONTENT),
    "Deflate": RAW.compress(CONTENT) + RAW.flush(),
}


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("coding", CODINGS)
def test_what_comes_packed_all_the_same_is_unpacked(coding: str, chunked: bool) -> None:
    def packed(handler: Handler) -> None:
        if not chunked:
            handler.reply(200, CODINGS[coding], Content_Encoding=coding)
            return
        handler.send_response(200)
        handler.send_header("transfer-encoding", "chunked")
        handler.send_header("content-encoding", coding)
        handler.end_headers()
        for begin in range(0, len(CODINGS[coding]), 1000):
            piece = CODINGS[coding][begin : begin + 1000]
            handler.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        handler.wfile.write(b"0\r\n\r\n")

    with serving(a=packed) as server:
        sink = BytesIO()
        found = downloader().download(f"{server.url}/a", sink, max_bytes=10**7)
        assert sink.getvalue() == CONTENT
        assert (found.size, found.sha256) == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


@pytest.mark.parametrize("coding", ["UTF-8", "gzip", "identity", "none", "br"])
def test_a_coding_that_is_nothing_but_a_header_is_ignored(coding: str) -> None:
    with serving(a=lambda handler: handler.reply(200, CONTENT, Content_Encoding=coding)) as server:
        assert downloader().download(f"{server.url}/a", BytesIO(), max_bytes=10**7).size == len(CONTENT)


def test_what_unpacks_without_end_is_too_large_and_what_breaks_off_a_failure() -> None:
    bomb, cut = gzip.compress(b"x" * 50_000_000), gzip.compress(CONTENT)[:-100]
    with serving(a=lambda handler: handler.reply(200, bomb), b=lambda handler: handler.reply(200, cut)) as server:
        sink = BytesIO()
        with pytest.raises(ImageTooLarge):
            downloader().download(f"{server.url}/a", sink, max_bytes=10**6)
        assert len(sink.getvalue()) <= 10**6
        with pytest.raises(LinkFailed):
            downloader().download(f"{server.url}/b", BytesIO(), max_bytes=10**7)


def test_nothing_is_no_picture() -> None:
    with serving(a=lambda handler: handler.reply(200, b"")) as server, pytest.raises(LinkFailed):
        downloader().download(f"{server.url}/a", BytesIO(), max_bytes=10**7)


@pytest.mark.parametrize(
    "target", ["http://10.0.0.1/", "http://169.254.169.254/latest", "ftp://127.0.0.1/", "file:///etc/passwd", "//[::]/"]
)
def test_a_redirect_leads_nowhere_private(target: str) -> None:
    with serving(a=lambda handler: handler.reply(302, Location=target)) as server, pytest.raises(AddressRefused):
        downloader().download(f"{server.url}/a", BytesIO(), max_bytes=100)


def test_a_dead_server_is_a_failure() -> None:
    with pytest.raises(LinkFailed):
        downloader().download(f"http://127.0.0.1:{closed_port()}/a", BytesIO(), max_bytes=100)
