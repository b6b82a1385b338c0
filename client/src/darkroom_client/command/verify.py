"""The command that proves a deployment."""

from dataclasses import replace
from typing import Any

import click

from darkroom_client.command import output
from darkroom_client.command.connection import Connection, connected
from darkroom_client.verification import Finding, Options, Outcome, Report, verify
from darkroom_client.verification.suite import CHECKS

_MARKS = {Outcome.OK: "ok", Outcome.FAILED: "FAILED", Outcome.NOT_TRIED: "not tried"}


@click.command("verify")
@click.option(
    "--admin-key", envvar="DARKROOM_ADMIN_KEY", help="An admin's key, for a second owner; or DARKROOM_ADMIN_KEY."
)
@click.option("--model", default="", help="A real model to try with instead of the demo. Its pictures are paid for.")
@click.option("--prompt", default=Options.prompt, show_default=True, help="What the first picture shall be of.")
@click.option("--streaming-url", envvar="DARKROOM_STREAMING_URL", default="", help="The output StreamingUrl.")
@click.option("--webhook", default="", help="Where webhooks are sent, instead of the demo's inbox.")
@click.option("--webhook-secret", envvar="DARKROOM_WEBHOOK_SECRET", default="", help="The owner's whsec_….")
@click.option("--stack", default="", help="The stack's name: looks into the AWS account too, with your credentials.")
@click.option("--region", default="", help="The stack's region, where your credentials do not say.")
@click.option("--patience", default=Options.patience, show_default=True, help="Seconds for a picture or a webhook.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice([check.name for check in CHECKS]),
    help="Only this check, and what it needs.",
)
@click.option("--keep", is_flag=True, help="Keep the tasks that are made.")
@connected
def verify_command(connection: Connection, /, admin_key: str | None, **given: Any) -> None:
    """Prove a deployment: try everything that it promises, and tell what each failure means."""
    url, key, state = connection.target()
    options = Options(url, key, admin_key=admin_key or state.get("admin_key", ""), **given)
    if not options.streaming_url:
        options = replace(options, streaming_url=state.get("streaming_url", "") or _streaming_url_of(options))
    if not connection.as_json:
        click.echo(f"{url}\n")
    report = verify(options, None if connection.as_json else _show)
    if connection.as_json:
        output.as_json(report.as_json())
    else:
        _show_end(report)
    if not report.ok:
        raise click.exceptions.Exit(1)


def _show(finding: Finding) -> None:
    took = f"{finding.seconds:6.1f} s" if finding.outcome is not Outcome.NOT_TRIED else " " * 8
    click.echo(f"{_MARKS[finding.outcome]:<10}{finding.check:<21}{took}  {finding.found}")


def _show_end(report: Report) -> None:
    if report.times:
        click.echo()
        output.table(("step", "seconds"), [[step, f"{seconds:.2f}"] for step, seconds in report.times.items()])
    for finding in report.failures:
        click.echo(f"\n{finding.check}: {finding.found}\n  It means: {finding.meaning}\n  Look at: {finding.look}")
    counted = {outcome: sum(each.outcome is outcome for each in report.findings) for outcome in Outcome}
    click.echo("\n" + ", ".join(f"{count} {outcome.value}" for outcome, count in counted.items()))


def _streaming_url_of(options: Options) -> str:
    """The stack's own output, where the account may be looked into."""
    from darkroom_client.verification.cloud import streaming_url

    return streaming_url(options)
