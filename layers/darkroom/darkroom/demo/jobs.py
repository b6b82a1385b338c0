"""The demo's jobs. A job is its id: everything that is to be known of it stands in there, sealed."""

import hashlib
import re
import secrets
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from darkroom.demo.sealed import NotOurs, seal, unseal

MODEL = "demo-picture"
MOST_PICTURES = 4
SMALLEST, LARGEST, LARGEST_AREA = 256, 3600, 2048 * 2048
"""Sides and area in pixels: a picture has to fit into one answer of a function (AWS: Lambda quotas, 6 MB)."""
USUAL_SECONDS = 3.0
LONGEST_SECONDS, LONGEST_DELAY = 20.0, 8.0
"""Bounds of what a prompt may ask for, so that a callback goes out within one invocation."""
_LAYOUT = struct.Struct(">BQIHHBB8s8s8s")
_VERSION = 1
_DROPPED, _DOUBLED, _FAILS = 1, 2, 4
_CLASSES = {"1K": (1024, 1024), "2K": (2048, 2048)}
_PIXELS = re.compile(r"(\d{1,5})x(\d{1,5})")
_MARKER = re.compile(r"\[\[([a-z_]+)(?:=([\w.-]{1,20}))?\]\]")


class BadJob(ValueError):
    """A submission that the demo does not take; the message says what it would."""


class NoSuchJob(LookupError):
    """No job has this id."""


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `made_at` is in Unix milliseconds, `lasts` in milliseconds from there to its pictures.

    `dropped` means that its callback never goes out, `doubled` that it does so twice, `fails` that no picture comes of
    it. `prompt` and `callback` are the first bytes of digests: which they were can be checked, and not read.
    """

    made_at: int
    lasts: int
    width: int
    height: int
    n: int
    dropped: bool
    doubled: bool
    fails: bool
    seed: bytes
    prompt: bytes
    callback: bytes

    @property
    def done_at(self) -> int:
        """When its pictures are there, in Unix milliseconds."""
        return self.made_at + self.lasts

    def progress(self, now: int) -> int:
        """How far it is, in per cent: 100 once it is done."""
        return min(100, 100 * max(0, now - self.made_at) // max(1, self.lasts))

    def is_for(self, callback_url: str) -> bool:
        """Whether it was submitted with this address."""
        return self.callback == digest(callback_url)

    def id(self, key: bytes) -> str:
        """Its id: 80 characters."""
        flags = _DROPPED * self.dropped + _DOUBLED * self.doubled + _FAILS * self.fails
        shape = (self.width, self.height, self.n)
        content = _LAYOUT.pack(
            _VERSION, self.made_at, self.lasts, *shape, flags, self.seed, self.prompt, self.callback
        )  # fmt: skip
        return seal(key, "job", content)


def read_job(key: bytes, job_id: str) -> Job:
    """The job with this id. Raises `NoSuchJob`."""
    try:
        version, made_at, lasts, width, height, n, flags, *digests = _LAYOUT.unpack(unseal(key, "job", job_id))
    except (NotOurs, struct.error) as error:
        raise NoSuchJob("no such task") from error
    if version != _VERSION:
        raise NoSuchJob("no such task")
    dropped, doubled, fails = (bool(flags & flag) for flag in (_DROPPED, _DOUBLED, _FAILS))
    return Job(made_at, lasts, width, height, n, dropped, doubled, fails, *digests)


def new_job(body: Mapping[str, Any], now: int, scale: float) -> Job:
    """The job that a submission asks for. `scale` divides its time. Raises `BadJob`."""
    prompt, n = body.get("prompt"), body.get("n", 1)
    if body.get("model") != MODEL:
        raise BadJob(f"the only model here is {MODEL}")
    if not isinstance(prompt, str) or not prompt:
        raise BadJob("prompt is missing")
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= MOST_PICTURES:
        raise BadJob(f"n must be 1 to {MOST_PICTURES}")
    width, height = _size(body.get("size", "1K"))
    wishes = wishes_of(prompt)
    lasts = int(1000 * bounded(wishes.get("latency"), USUAL_SECONDS, LONGEST_SECONDS) / scale)
    return Job(
        made_at=now,
        lasts=lasts,
        width=width,
        height=height,
        n=n,
        dropped="callback_drop" in wishes,
        doubled="callback_double" in wishes,
        fails="job_fail" in wishes,
        seed=secrets.token_bytes(8),
        prompt=digest(prompt),
        callback=digest(str(body.get("callback_url", ""))),
    )


def wishes_of(prompt: str) -> dict[str, str]:
    """What a prompt asks the demo to do wrong: `[[callback_drop]]`, `[[latency=12]]`, `[[refuse=demo]]` and others."""
    return dict(_MARKER.findall(prompt))


def bounded(text: str | None, usual: float, most: float) -> float:
    """A number of seconds out of a prompt, from 0 to `most`; `usual` where there is none that can be read."""
    try:
        return max(0.0, min(float(text or usual), most))
    except ValueError:
        return usual


def digest(text: str) -> bytes:
    """The first bytes of a text's SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8]


def _size(given: Any) -> tuple[int, int]:
    if isinstance(given, str) and given in _CLASSES:
        return _CLASSES[given]
    found = _PIXELS.fullmatch(given) if isinstance(given, str) else None
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    sides_are_right = min(width, height) >= SMALLEST and max(width, height) <= LARGEST
    if not sides_are_right or width * height > LARGEST_AREA:
        raise BadJob(
            f"size must be 1K, 2K or WIDTHxHEIGHT with sides from {SMALLEST} to {LARGEST} and at most 2048x2048 in all"
        )
    return width, height
