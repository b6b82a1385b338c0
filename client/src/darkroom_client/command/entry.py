"""Where the command begins: with a word on what to install where its own library is not there."""

import sys


def main() -> None:
    """Run the command `darkroom`."""
    try:
        from darkroom_client.command.main import main as run
    except ModuleNotFoundError as missing:
        if missing.name != "click":
            raise
        print("darkroom: the command needs one package more: pip install 'darkroom-client[cli]'", file=sys.stderr)
        sys.exit(2)
    run()
