"""Where the first limit is met: a discrete-event model of 10 to 10,000 tasks a second through the deployed parts.

Every task is one picture and one webhook. Tasks travel in lots, so that a run has some hundred thousand events whatever
its rate. What is modelled is what AWS publishes as a limit (`LIMITS`, each with the setting that moves it and its
source) and the billed durations of the cost model. Failures, cold starts and the providers' own limits are not. What is
above a limit waits: in its queue, or by the retry of a client, the SDK or the provider.
"""

import heapq
import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from benchmarks.cost import count
from benchmarks.durations import PICTURE_SECONDS, SECONDS
from benchmarks.figures import Figure, at_most

RATES = (10, 50, 100, 1_000, 10_000)
RUN_SECONDS = 120
LOTS_A_SECOND = 50
LATE = 10.0
"""Seconds of waiting, in the 99th percentile, at which a part counts as met: what providers give a callback."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One published limit as deployed, what moves it and how far, and who says so."""

    value: float
    unit: str
    setting: str
    ceiling: float
    source: str


LIMITS = {
    "gateway": Limit(
        1_000, "requests/s", "ThrottlingRateLimit of the stage, then the account's quota", 100_000,
        "template.yaml; API Gateway: 10,000 requests/s an account and region, raised on request",
    ),
    "functions": Limit(
        1_000, "at a time", "the account's quota of concurrent executions", 50_000,
        "Lambda: 1,000 an account and region, raised to tens of thousands on request",
    ),
    "copies": Limit(
        50, "at a time", "parameter CopyConcurrency (to 1,000), then a provisioned poller", 20_000,
        "template.yaml; Lambda with SQS: 1,250 at a time, or up to 2,000 provisioned pollers of 10 each",
    ),
    "deliveries": Limit(
        1_250, "at a time", "a provisioned poller of the webhook queue", 20_000,
        "Lambda with SQS: 1,250 at a time, or up to 2,000 provisioned pollers of 10 each",
    ),
    "table": Limit(
        4_000, "write units/s", "WarmThroughput of the tasks table, then a table's quota", 500_000,
        "DynamoDB on demand: 4,000 write units/s when new, twice the last peak later; quota 40,000, raised on request",
    ),
    "stream": Limit(
        800, "ended tasks/s", "ParallelizationFactor of the stream (to 10), more partitions", 800_000,
        "4 partitions of 1,000 write units/s when new, a shard each, one batch of 10 at a time a shard",
    ),
    "bucket": Limit(
        3_500, "writes/s", "none: S3 splits what is busy by itself, within minutes", 1_000_000,
        "S3: at least 3,500 writes/s a partitioned prefix",
    ),
    "events": Limit(
        10_000, "events/s", "the account's quota of PutEvents", 100_000,
        "EventBridge: 10,000/s in us-east-1, raised on request",
    ),
}  # fmt: skip


class Calendar:
    """The events that are still to come, in order."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, moment: float, event: Callable[[], None]) -> None:
        """Let something happen at a moment."""
        self._count += 1
        heapq.heappush(self._events, (moment, self._count, event))

    def run(self, until: float) -> None:
        """Let everything happen that is due by then."""
        while self._events and self._events[0][0] <= until:
            self.now, _, event = heapq.heappop(self._events)
            event()


class Rate:
    """So much a second, first come, first served."""

    def __init__(self, calendar: Calendar, per_second: float) -> None:
        self._calendar = calendar
        self._per_second = per_second
        self._free_at = 0.0
        self._asked: Counter[int] = Counter()
        self.waits: list[float] = []

    def peak(self) -> float:
        """The most that was asked for in a second, averaged over ten."""
        return max(self._asked.values(), default=0) / 10

    def take(self, amount: float, then: Callable[[], None]) -> None:
        """Let `amount` through when it is its turn, and go on."""
        now = self._calendar.now
        self._asked[int(now / 10)] += amount  # type: ignore[assignment]
        starts = max(now, self._free_at)
        self._free_at = starts + amount / self._per_second
        self.waits.append(starts - now)
        self._calendar.at(starts, then)


class Pool:
    """So many at a time, the rest in line."""

    def __init__(self, calendar: Calendar, size: float) -> None:
        self._calendar = calendar
        self.size = size
        self._line: deque[tuple[float, float, Callable[[], None]]] = deque()
        self._most = self._inside = 0.0
        self.waits: list[float] = []

    def peak(self) -> float:
        """The most that were in it at a time."""
        return self._most

    def enter(self, places: float, then: Callable[[], None]) -> None:
        """Take places when it is their turn, and go on; `leave` gives them back."""
        self._line.append((self._calendar.now, places, then))
        self._serve()

    def leave(self, places: float) -> None:
        """Give places back."""
        self._inside -= places
        self._serve()

    def _serve(self) -> None:
        while self._line and self._inside + self._line[0][1] <= self.size + 1e-9:
            since, places, then = self._line.popleft()
            self._inside += places
            self._most = max(self._most, self._inside)
            self.waits.append(self._calendar.now - since)
            then()


class Deployment:
    """The parts, each with its limit, and the way of a lot of tasks through them."""

    def __init__(self, limits: dict[str, Limit], *, write_units: dict[str, float], seed: int = 1) -> None:
        self.calendar = Calendar()
        self.ended = 0.0
        self._random = random.Random(seed)
        self._units = write_units
        pools = {"functions", "copies", "deliveries"}
        self._rates = {name: Rate(self.calendar, limit.value) for name, limit in limits.items() if name not in pools}
        self._pools = {name: Pool(self.calendar, limits[name].value) for name in pools}

    def parts(self) -> dict[str, "Rate | Pool"]:
        """Every part by its name."""
        return {**self._rates, **self._pools}

    def post(self, lot: float) -> None:
        """A lot of tasks is posted."""
        self._rates["gateway"].take(lot, lambda: self._work("submit", lot, lambda: self._generate(lot)))

    def _generate(self, lot: float) -> None:
        # Pictures take from half to twice the usual time.
        seconds = PICTURE_SECONDS * self._random.triangular(0.5, 2.0, 0.9)
        self.calendar.at(self.calendar.now + seconds, lambda: self._called_back(lot))

    def _called_back(self, lot: float) -> None:
        self._rates["gateway"].take(lot, lambda: self._keep(lot))

    def _keep(self, lot: float) -> None:
        self._rates["bucket"].take(lot, lambda: self._work("callback", lot, lambda: self._copy(lot)))

    def _copy(self, lot: float) -> None:
        self._work("ingest", lot, lambda: self._rates["bucket"].take(lot, lambda: self._notify(lot)), "copies")

    def _notify(self, lot: float) -> None:
        self._rates["stream"].take(lot, lambda: self._rates["events"].take(lot, lambda: self._deliver(lot)))

    def _deliver(self, lot: float) -> None:
        self._work("deliver", lot, lambda: self._end(lot), "deliveries")

    def _end(self, lot: float) -> None:
        self.ended += lot

    def _work(self, function: str, lot: float, then: Callable[[], None], *limits: str) -> None:
        """Run a function for a lot within the account's limit and its own, write what it writes, and go on."""
        pools = [self._pools[name] for name in (*limits, "functions")]
        # A lot larger than the smallest pool takes all of it, for as much longer.
        places = min(lot, *(pool.size for pool in pools))
        seconds = SECONDS[function] * lot / places

        def leave() -> None:
            for pool in pools:
                pool.leave(places)
            self._rates["table"].take(lot * self._units[function], then)

        def enter(left: list[Pool]) -> None:
            if left:
                left[0].enter(places, lambda: enter(left[1:]))
            else:
                self.calendar.at(self.calendar.now + seconds, leave)

        enter(pools)


@dataclass(frozen=True, slots=True)
class TaskView:
    """What one part saw: the 99th percentile of the waits for it in seconds, and the most that was asked of it."""

    wait: float
    peak: float


def simulate(rate: float, limits: dict[str, Limit], write_units: dict[str, float]) -> dict[str, TaskView]:
    """Post `rate` tasks a second for `RUN_SECONDS`, and wait until the last one has ended."""
    deployment = Deployment(limits, write_units=write_units)
    lot = rate / LOTS_A_SECOND
    for place in range(RUN_SECONDS * LOTS_A_SECOND):
        deployment.calendar.at(place / LOTS_A_SECOND, lambda: deployment.post(lot))
    deployment.calendar.run(until=float("inf"))
    assert round(deployment.ended) == round(rate * RUN_SECONDS), "a task was lost in the model"
    return {name: TaskView(_p99(part.waits), part.peak()) for name, part in deployment.parts().items()}


def _p99(waits: list[float]) -> float:
    return sorted(waits)[int(0.99 * (len(waits) - 1))] if waits else 0.0


def raised(rate: float, write_units: dict[str, float]) -> dict[str, Limit]:
    """The limits that a rate needs: where nothing stands in its way, what it asks of each part, and a tenth more."""
    free = {name: replace(limit, value=1e12) for name, limit in LIMITS.items()}
    asked = simulate(rate, free, write_units)
    return {name: replace(limit, value=max(limit.value, 1.1 * asked[name].peak)) for name, limit in LIMITS.items()}


def main() -> list[Figure]:
    """Print the limits that are met at each rate, and what moves them."""
    units = count(1).write_units()
    print(
        f"scale: tasks of one picture for {RUN_SECONDS} s; a limit is met where p99 of its waits is over {LATE:.0f} s"
    )
    figures = []
    for rate in RATES:
        deployed = simulate(rate, LIMITS, units)
        met = {name: seen for name, seen in deployed.items() if seen.wait > LATE}
        needed = raised(rate, units)
        print(f"  {rate:,} tasks a second: {_first(met)}")
        for name, limit in LIMITS.items():
            if needed[name].value > limit.value:
                reach = "" if needed[name].value <= limit.ceiling else "   BEYOND what can be had"
                print(f"    {name:<11}{limit.value:>7,.0f} {limit.unit:<14} needs {needed[name].value:>9,.0f}: "
                      f"{limit.setting}{reach}")  # fmt: skip
        if met:
            longest = max(seen.wait for seen in simulate(rate, needed, units).values())
            print(f"    with these, p99 of no wait is over {longest:.1f} s")
            figures.append(
                at_most(f"model of {rate:,} tasks a second with raised limits, longest p99", longest, LATE, " s")
            )
    for name, limit in LIMITS.items():
        print(f"  {name}: {limit.source}")
    return figures


def _first(met: dict[str, TaskView]) -> str:
    if not met:
        return "no limit is met"
    return "met as deployed: " + ", ".join(f"{name} (p99 {seen.wait:,.0f} s)" for name, seen in met.items())


if __name__ == "__main__":
    main()
