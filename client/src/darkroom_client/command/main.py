"""The command `darkroom`: its options, its subcommands, and how it tells what went wrong."""

import os
import sys

import click
from click.shell_completion import get_completion_class

from darkroom_client.command import catalog, keys, operations, tasks, verify
from darkroom_client.command.connection import Connection
from darkroom_client.errors import DarkroomError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--url", envvar="DARKROOM_URL", help="The deployment's address; or DARKROOM_URL.")
@click.option("--key", envvar="DARKROOM_KEY", help="Your API key; or DARKROOM_KEY.")
@click.option("--json", "as_json", is_flag=True, help="Answer with JSON.")
@click.version_option(package_name="darkroom-client")
@click.pass_context
def cli(context: click.Context, url: str | None, key: str | None, as_json: bool) -> None:
    """Make pictures with Darkroom, and look after a deployment of it."""
    context.obj = Connection(url, key, as_json)


for command in (
    tasks.submit, tasks.watch, tasks.get, tasks.list_tasks, tasks.cancel, tasks.events, tasks.models, tasks.usage,
    keys.account, keys.keys, keys.accounts, keys.owners, keys.dead_letters, catalog.catalog, operations.webhooks,
    operations.doctor,
    verify.verify_command,
):  # fmt: skip
    cli.add_command(command)


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes your SHELL complete this command."""
    kind = get_completion_class(shell)
    assert kind is not None  # the choices are click's own
    click.echo(kind(cli, {}, "darkroom", "_DARKROOM_COMPLETE").source())


def main() -> None:
    """Run the command; an error of the API is one line and exit code 1."""
    arguments = sys.argv[1:]
    # `darkroom list --json` is as good as `darkroom --json list`.
    if "--json" in arguments:
        arguments = ["--json", *(word for word in arguments if word != "--json")]
    try:
        cli.main(args=arguments, prog_name="darkroom", standalone_mode=True)
    except DarkroomError as error:
        hint = f" ({error.code}, request {error.request_id})" if error.request_id else ""
        click.echo(f"darkroom: {error}{hint}", err=True)
        sys.exit(1)
    except OSError as error:
        if os.environ.get("DARKROOM_DEBUG"):
            raise
        click.echo(f"darkroom: {error.filename or 'this machine'}: {error.strerror or error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
