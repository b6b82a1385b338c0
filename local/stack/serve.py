"""`make serve`: the local stack in the foreground, until Ctrl-C."""

import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from local.stack.deployment import DeploymentFailed
from local.stack.emulator import EmulatorFailed
from local.stack.stack import LocalStack, StackFailed, StackSettings


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write the state file, whole, in one rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_text(json.dumps(state, indent=2))
    unfinished.chmod(0o600)  # it has keys in it
    unfinished.rename(path)


def main() -> int:
    """Serve until SIGINT or SIGTERM. Returns the exit code."""
    stopped = threading.Event()

    def stop(*_: object) -> None:
        if not stopped.is_set():
            stopped.set()
            raise KeyboardInterrupt

    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, stop)
    settings = StackSettings.from_environment()
    path = settings.state_file
    try:
        with LocalStack(settings) as stack:
            write_state(path, stack.state())
            try:
                print(f"ready {stack.base_url} (state in {path})", flush=True)
                threading.Event().wait()
            finally:
                path.unlink(missing_ok=True)
    except KeyboardInterrupt:
        return 0
    except (StackFailed, EmulatorFailed, DeploymentFailed) as error:
        print(f"could not start: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
