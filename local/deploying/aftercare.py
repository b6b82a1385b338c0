"""What is looked at and said once the stack is there: does it answer, do its alarms reach anybody, what comes next."""

from collections.abc import Mapping
from typing import Any

import httpx

from local.deploying.guide import Guide
from local.deploying.target import Target

TRIAL = "ApiFailuresAlarm"
"""The alarm that is rung: the one that everybody would want to hear."""


def check_health(guide: Guide, outputs: Mapping[str, str]) -> None:
    """Whether the API answers, from here."""
    url = guide.environment.get("DARKROOM_CHECK_URL", outputs["ApiUrl"])
    try:
        status = httpx.get(f"{url}/health", timeout=20).status_code
    except httpx.HTTPError as error:
        guide.tell(f"The API does not answer yet ({type(error).__name__}); `darkroom doctor` looks again.")
        return
    guide.tell("The API answers." if status == 200 else f"The API answers {status}; look at its functions' logs.")


def check_alarms(guide: Guide, target: Target, email: str) -> None:
    """Whether alarms reach somebody: whether the address is confirmed; rings one as a trial where that is wanted."""
    if not email:
        guide.tell("Nobody is told of alarms: give AlarmEmail (DARKROOM_ALARM_EMAIL) to change that.")
        return
    found = target.resources()
    if not _confirmed(guide, target, found["AlarmTopic"], email):
        return
    if not guide.decided(
        "DARKROOM_RING_ALARM", f"Ring an alarm as a trial, so that {email} gets an e-mail?", default=False
    ):
        return
    alarm = found.get(TRIAL) or next(name for logical, name in found.items() if logical.endswith("Alarm"))
    target.client("cloudwatch").set_alarm_state(
        AlarmName=alarm, StateValue="ALARM", StateReason="A trial by make deploy: nothing is wrong."
    )
    guide.tell(
        f"The alarm {alarm} was rung: an e-mail should come within a minute (look into spam too). It falls silent by "
        "itself with its next look."
    )


def _confirmed(guide: Guide, target: Target, topic: str, email: str) -> bool:
    """Whether the address has said yes to AWS's question (https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.confirm.html)."""
    while (state := _subscription(target.client("sns"), topic, email)) == "PendingConfirmation":
        guide.tell(
            f"Alarms don't reach {email} yet: AWS has sent an e-mail (AWS Notification - Subscription Confirmation) "
            "whose link has to be followed. It is good for two days; after them, deploy once without AlarmEmail and "
            "once with it."
        )
        if not guide.watched or guide.ask("Press Enter once it is confirmed, or type 'later': ").strip():
            return False
    if state is None:
        guide.tell(
            f"The topic of the alarms has no subscription of {email}: it was deleted, or its link to leave followed."
        )
        return False
    guide.tell(f"Alarms reach {email}.")
    return True


def _subscription(client: Any, topic: str, email: str) -> str | None:
    """The ARN of an address's subscription, or `PendingConfirmation`, or None."""
    for page in client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic):
        for found in page["Subscriptions"]:
            if found["Endpoint"] == email:
                return str(found["SubscriptionArn"])
    return None


def tell_next_steps(guide: Guide, outputs: Mapping[str, str], providers: list[str], key: str | None) -> None:
    """Where it is, and what to do first."""
    url = outputs["ApiUrl"]
    guide.tell(f"\nThe API is at {url}; its console is the same address in a browser.")
    if streaming := outputs.get("StreamingUrl"):
        guide.tell(f"Calls of dialects that wait long or stream: {streaming}")
    guide.tell(f"Providers with a key: {', '.join(providers) or 'none yet: run this again with their keys'}")
    shown = key or "…"
    guide.tell(f"Prove it in ten minutes:\n\n  make verify URL={url} KEY={shown}\n")
    guide.tell("Or try it by hand:\n")
    guide.tell(f"  export DARKROOM_URL={url} DARKROOM_KEY={shown}")
    guide.tell('  darkroom doctor\n  darkroom submit "a lighthouse in a snow storm"')
