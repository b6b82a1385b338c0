"""The life of a job at a simulated provider."""

import itertools
import time
from dataclasses import dataclass, field
from typing import Any

SLOT_QUEUED = 0.3
"""The part of its latency for which a job is queued."""


@dataclass
class Delivery:
    """One attempt to deliver a callback."""

    at: float
    status: int | None


@dataclass
class Job:
    """One job. `width` and `height` are pixels, `form` the image format, times are Unix seconds."""

    job_id: str
    model: str
    prompt: str
    n: int
    width: int
    height: int
    form: str
    request: dict[str, Any]
    key: str
    callback_url: str
    latency: float
    faults: dict[str, Any]
    created: float = field(default_factory=time.time)
    cancelled: bool = False
    forced: str = ""
    queried: bool = False
    deliveries: list[Delivery] = field(default_factory=list)
    downloads: dict[int, int] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """queued, processing, completed, failed or cancelled."""
        if self.cancelled:
            return "cancelled"
        if self.forced:
            return self.forced
        age = time.time() - self.created
        if "job_stuck" in self.faults or age < self.latency:
            return "queued" if age < SLOT_QUEUED * self.latency else "processing"
        return "failed" if self.faults.keys() & {"job_fail", "job_moderated"} else "completed"

    @property
    def progress(self) -> int:
        """From 0 to 100."""
        if self.state == "completed":
            return 100
        done = (time.time() - self.created) / max(self.latency, 1e-6)
        return min(99, int(100 * done)) if self.state == "processing" else 0

    @property
    def moderated(self) -> bool:
        """Whether it fails for what it asks for."""
        return "job_moderated" in self.faults

    @property
    def made(self) -> int:
        """How many pictures it makes."""
        return min(self.n, int(self.faults.get("fewer_images", self.n))) + int(self.faults.get("more_images", 0))

    @property
    def finished(self) -> float:
        """When it ends."""
        return self.created + self.latency


class JobBook:
    """The jobs of one provider, and what was counted of them."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._numbers = itertools.count(1)
        self.counts: dict[str, int] = {}

    def add(self, job: Job) -> None:
        """Take a job in."""
        self._jobs[job.job_id] = job
        self.count("accepted")

    def find(self, job_id: str) -> Job | None:
        """A job by its id."""
        return self._jobs.get(job_id)

    def all(self) -> list[Job]:
        """All jobs, in the order in which they came."""
        return list(self._jobs.values())

    def next_number(self) -> int:
        """A number for an id."""
        return next(self._numbers)

    def count(self, what: str) -> None:
        """Count one more of something."""
        self.counts[what] = self.counts.get(what, 0) + 1

    def clear(self) -> None:
        """Forget everything."""
        self._jobs.clear()
        self.counts.clear()
