"""A callback: how many round trips to AWS until it is answered, and how long that takes with fifty at once.

The providers give up after 10 s (shared by all whose limit is known), of which this may take a hundredth. AWS answers
at once here, so what is measured is our own part: the machine's cores are shared by as many execution environments, by
the load and by the trivial AWS. On AWS every callback has an environment of its own.
"""

import json
import os
from contextlib import ExitStack
from dataclasses import replace

from benchmarks import trivial_aws
from benchmarks.figures import Figure, at_most
from benchmarks.load import Requests, cpu_seconds, load
from benchmarks.loopback import loopback
from benchmarks.processes import function
from darkroom.callbacks.token import callback_token
from local.paths import ROOT
from tests.unit.tasks.test_transitions import accepted

AT_ONCE, ROUNDS = 50, 20
LIMIT_MS, SHARE = 10_000, 0.01
BODY = ROOT / "events" / "providers" / "evolink" / "callback.completed.json"
MOST_TRIPS = 4
TRIPS = "read the task, keep the body, record what it says, queue the copies"


def main() -> list[Figure]:
    """Measure and print."""
    # The very task that the sample body speaks of.
    body = json.dumps({**json.loads(BODY.read_text()), "id": "up-1"})
    token = callback_token(trivial_aws.CALLBACK_SECRET, trivial_aws.TASK_ID, "evolink", accepted().nonce)
    path = f"/callbacks/evolink/{trivial_aws.TASK_ID}/{token}"
    with ExitStack() as stack:
        aws = stack.enter_context(loopback(trivial_aws.answers(accepted())))
        environment = {**os.environ, **trivial_aws.environment(aws)}
        environments = [stack.enter_context(function("callback", environment)) for _ in range(os.cpu_count() or 1)]
        ports = tuple(port for _, port in environments)
        requests = Requests(ports, path, body, {"content-type": "application/json"}, AT_ONCE, AT_ONCE, bursts=True)
        load(requests)
        before = sum(cpu_seconds(pid) for pid, _ in environments)
        outcome = load(requests.repeated(ROUNDS * AT_ONCE))
        spent = sum(cpu_seconds(pid) for pid, _ in environments) - before
        alone = load(replace(requests, ports=ports[:1], at_once=1, count=AT_ONCE * 4))
    assert not outcome.failed + alone.failed, f"{outcome.failed + alone.failed} callbacks were not taken"
    trips = trivial_aws.requests_of("callback", trivial_aws.event("POST", path, body), accepted())
    p99 = outcome.percentile(0.99)
    figure = at_most(
        f"callback, p99 with {AT_ONCE} at once, of the providers' limit", 100 * p99 / LIMIT_MS, 100 * SHARE, "%"
    )
    print(f"callback: {ROUNDS * AT_ONCE} of them, {AT_ONCE} at once, {len(environments)} environments")
    print(f"  round trips to AWS: {len(trips)} ({TRIPS}): {', '.join(trips)}")
    print(f"  one at a time: p50 {alone.percentile(0.5):.1f} ms   p99 {alone.percentile(0.99):.1f} ms")
    print(f"  {1000 * spent / (ROUNDS * AT_ONCE):.2f} ms CPU each   p50 {outcome.percentile(0.5):.0f} ms   "
          f"p99 {p99:.0f} ms, {figure.value} of the limit   target {SHARE:.0%}: {figure.verdict}")  # fmt: skip
    return [figure, at_most("callback, round trips to AWS", len(trips), MOST_TRIPS)]


if __name__ == "__main__":
    main()
