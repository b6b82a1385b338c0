"""What a deployment costs in a month in which nothing is asked of it, counted from the template.

Prices are AWS's list prices for us-east-1, without any free tier. A mapping polls its queue whether anything is in it
or not: five pollers, each a request of 20 seconds (AWS: Lambda Developer Guide, "Using Lambda with Amazon SQS"; AWS
knowledge center, "sqs-high-charges": empty receives are charged).
"""

from collections.abc import Mapping
from typing import Any

from benchmarks.figures import Figure, at_most
from local.template.reading import Template, read_template, resources
from local.template.resolution import resolve
from local.template.translation import translate

HOURS = 730
POLLERS, POLL_SECONDS = 5, 20
PRICES = {
    "secrets": 0.40,
    "alarm metrics": 0.10,
    "dashboards": 3.00,
    "empty receives of queues": 0.40e-6,
    "the reconciler's requests": 0.20e-6,
    "the reconciler's GB-seconds": 13.3334e-6,
    "the reconciler's listings of the bucket": 5e-6,
    "the reconciler's requests to queues": 0.40e-6,
    "the reconciler's read units": 0.125e-6,
    "the reconciler's write units": 0.625e-6,
    "the reconciler's log, GB": 0.50,
}
RECONCILER_SECONDS = 1.5
"""Of one run with nothing to do: its starts are cold, every quarter of an hour."""
SHARDS, SWEEPS, DEAD_LETTER_QUEUES = 8, 2, 5
TARGET = 3.0


def idle_amounts(template: Template) -> dict[str, float]:
    """What a resolved template uses in an idle month, by what it is billed as."""
    mappings = [entry["Properties"]["EventSourceArn"] for entry in _of(template, "AWS::Lambda::EventSourceMapping")]
    polled = sum("Stream" not in source for source in mappings)
    runs = HOURS * 3600 / _seconds_between_runs(template)
    reconcile = template["Resources"]["ReconcileFunction"]["Properties"]
    return {
        "secrets": len(_of(template, "AWS::SecretsManager::Secret")),
        "alarm metrics": sum(_metrics(entry["Properties"]) for entry in _of(template, "AWS::CloudWatch::Alarm")),
        "dashboards": len(_of(template, "AWS::CloudWatch::Dashboard")),
        "empty receives of queues": polled * POLLERS * HOURS * 3600 / POLL_SECONDS,
        "the reconciler's requests": runs,
        "the reconciler's GB-seconds": runs * RECONCILER_SECONDS * reconcile["MemorySize"] / 1024,
        "the reconciler's listings of the bucket": 2 * runs,
        "the reconciler's requests to queues": DEAD_LETTER_QUEUES * runs,
        "the reconciler's read units": (0.5 * SHARDS + 0.5 * SWEEPS) * runs,
        "the reconciler's write units": runs,
        "the reconciler's log, GB": runs * 1024 / 1024**3,
    }


def idle_dollars(parameters: Mapping[str, Any] | None = None) -> dict[str, float]:
    """Dollars of an idle month with these parameters (else their defaults), by what they are for."""
    template = resolve(translate(read_template()), parameters)
    return {name: amount * PRICES[name] for name, amount in idle_amounts(template).items()}


def _of(template: Template, kind: str) -> list[dict[str, Any]]:
    return list(resources(template, kind).values())


def _metrics(alarm: Mapping[str, Any]) -> int:
    """An alarm is billed for every metric that it reads (CloudWatch pricing, "Alarms")."""
    return sum("MetricStat" in entry for entry in alarm.get("Metrics", [])) or 1


def _seconds_between_runs(template: Template) -> int:
    (schedule,) = (
        rule["Properties"]["ScheduleExpression"]
        for rule in _of(template, "AWS::Events::Rule")
        if "ScheduleExpression" in rule["Properties"]
    )
    number, unit = schedule.removeprefix("rate(").removesuffix(")").split()
    return int(number) * {"minute": 60, "hour": 3600, "day": 86400}[unit.removesuffix("s")]


def main() -> list[Figure]:
    """Print the bill."""
    print("an idle month on AWS, list prices of us-east-1, no free tier")
    costs = idle_dollars()
    for name, cost in costs.items():
        print(f"  {name:<42}{cost:>8.3f}")
    everything = sum(idle_dollars({"DashboardEnabled": "true", "DetailedAlarms": "true"}).values())
    print(f"  {'in all':<42}{sum(costs.values()):>8.3f}   with the dashboard and detailed alarms {everything:.2f}")
    return [at_most("dollars of an idle month", sum(costs.values()), TARGET, " $")]


if __name__ == "__main__":
    main()
