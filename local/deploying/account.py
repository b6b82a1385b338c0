"""What the account's limits mean for the parameters that were chosen."""

from collections.abc import Iterator, Mapping

from botocore.exceptions import BotoCoreError, ClientError

from local.deploying.guide import GaveUp, Guide
from local.deploying.target import Target

FEW = 100
"""Concurrent executions below which a load test already meets throttles."""
KEPT_UNRESERVED = 100
"""What an account has to keep unreserved (https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html)."""
QUOTA = "L-B99A9384"
"""The code of Lambda's quota of concurrent executions."""
SHARED = ("CopyConcurrency", "GenerateConcurrency", "PollConcurrency", "WebhookConcurrency", "IntakeConcurrency")
"""The most that each queue's function may take of it."""


def check_concurrency(guide: Guide, target: Target, values: Mapping[str, str]) -> None:
    """Say what the account's concurrency means for these parameters. Raises `GaveUp` where they can't be deployed."""
    try:
        limits = target.client("lambda").get_account_settings()["AccountLimit"]
    except (BotoCoreError, ClientError) as error:
        guide.tell(f"Lambda's limits could not be read ({error}): new accounts have only 10 concurrent executions.")
        return
    everything, free = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
    for line in _advice(target.region, everything, values):
        guide.tell(line)
    wanted = {name: int(value) for name, value in values.items() if "ReservedConcurrency" in name and int(value)}
    if wanted and free - sum(wanted.values()) < KEPT_UNRESERVED and not _already(target):
        reserved = ", ".join(f"{name}={value}" for name, value in wanted.items())
        raise GaveUp(
            f"{reserved}: the account has {free} concurrent executions unreserved and has to keep {KEPT_UNRESERVED}: "
            f"{max(free - KEPT_UNRESERVED, 0)} can be reserved. Reserve less (0: none), or ask for more: "
            f"{_ask(target.region)}"
        )


def _already(target: Target) -> bool:
    """Whether a stack is there, whose reservations are already taken off: CloudFormation then judges better."""
    try:
        return bool(target.client("cloudformation").describe_stacks(StackName=target.stack)["Stacks"])
    except ClientError:
        return False


def _advice(region: str, everything: int, values: Mapping[str, str]) -> Iterator[str]:
    shared = {name: int(values[name]) for name in SHARED if name in values}
    if everything < FEW:
        yield (
            f"This account may run {everything} functions at once in {region} (new accounts have 10, usual are "
            "1,000). The API, the providers' callbacks, the queues and every caller that waits share them with all "
            "else that runs here. A few pictures at a time work; under load, calls are refused with 503."
        )
        yield f"  Ask for more (no cost, some hours to days): {_ask(region)}"
        yield f"  Until then the queues leave most of it to the API with {' '.join(_least(shared))}."
    elif sum(shared.values()) > everything:
        listed = ", ".join(f"{name} {value}" for name, value in shared.items())
        yield (
            f"The queues' functions together may take {sum(shared.values())} ({listed}) of the account's {everything} "
            "concurrent executions: lower them, or ask for more, or the API waits behind them under load."
        )


def _least(shared: Mapping[str, int]) -> list[str]:
    return [f"DARKROOM_PARAMETER_{name}=2" for name in shared]


def _ask(region: str) -> str:
    return (
        f"`aws service-quotas request-service-quota-increase --region {region} --service-code lambda "
        f"--quota-code {QUOTA} --desired-value 1000`"
    )
