"""All checks, in their order, and the run of them."""

import time
from collections.abc import Callable, Collection, Iterator

import httpx

from darkroom_client.verification import access, cloud, failures, life, telling
from darkroom_client.verification.findings import Check, Failed, Finding, NotTried, Outcome, Report
from darkroom_client.verification.trial import Options, Trial

CHECKS = (
    access.ADDRESS, access.KEY, access.MODEL,
    telling.INBOX,
    life.ACCEPTED, life.IDEMPOTENT, life.PICTURE, life.CALLED_BACK, life.FETCHED, life.GUARDED, cloud.EXPIRED,
    telling.DELIVERED, telling.SIGNED,
    failures.FAILOVER, failures.CANCELLED, failures.LOST, failures.REPLAYED,
    access.FORGED, access.STRANGER, access.SIZES,
    telling.STREAMED,
    cloud.RUNG, cloud.DISCREET,
    life.REMOVED,
)  # fmt: skip
ANSWER_SECONDS = 40.0
"""How long one answer may take: longer than the API ever waits."""


def verify(
    options: Options, tell: Callable[[Finding], None] | None = None, *, http: httpx.Client | None = None
) -> Report:
    """Try a deployment. `tell` hears of every finding as it is made; what was made on the way is removed at the end."""
    with http or httpx.Client(timeout=ANSWER_SECONDS) as client:
        trial = Trial(options, client)
        report = Report(times=trial.times)
        try:
            for finding in _findings(trial):
                report.findings.append(finding)
                if tell:
                    tell(finding)
        finally:
            _disable_stranger(trial)
    return report


def chosen(names: Collection[str]) -> list[Check]:
    """The checks of these names (none: all), with those that they need and the one that removes what they made."""
    by_name = {check.name: check for check in CHECKS}
    wanted = set(names or by_name)
    waiting = [*wanted, life.REMOVED.name]
    while waiting:
        check = by_name[waiting.pop()]
        wanted.add(check.name)
        waiting += [name for name in (*check.needs, *check.wants) if name not in wanted]
    return [check for check in CHECKS if check.name in wanted]


def _findings(trial: Trial) -> Iterator[Finding]:
    good: set[str] = set()
    for check in chosen(trial.options.only):
        missing = [name for name in check.needs if name not in good]
        if missing:
            yield Finding(check.name, Outcome.NOT_TRIED, f"needs the check `{missing[0]}` to be ok", 0.0)
            continue
        finding = _tried(check, trial)
        if finding.outcome is Outcome.OK:
            good.add(check.name)
        yield finding


def _tried(check: Check, trial: Trial) -> Finding:
    began = time.monotonic()

    def finding(outcome: Outcome, found: str, *why: str) -> Finding:
        return Finding(check.name, outcome, found, round(time.monotonic() - began, 2), *why)

    try:
        return finding(Outcome.OK, check.run(trial))
    except NotTried as reason:
        return finding(Outcome.NOT_TRIED, str(reason))
    except Failed as reason:
        return finding(Outcome.FAILED, str(reason), check.meaning, check.look)
    except Exception as error:  # an answer in no form that was thought of is a finding too
        told = f"{type(error).__name__}: {error}"[:300]
        return finding(Outcome.FAILED, f"what came could not be read ({told})", check.meaning, check.look)


def _disable_stranger(trial: Trial) -> None:
    """Switch the second owner's key off, whatever happened."""
    if trial.stranger_id:
        path = f"/v1/admin/keys/{trial.stranger_id}"
        try:
            trial.call("PATCH", path, key=trial.options.admin_key, json={"disabled": True})
        except Failed:
            return
