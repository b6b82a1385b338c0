"""Runs all simulators until it is told to stop: `python -m local.simulators --state FILE`."""

import argparse
import asyncio
import json
import signal
import socket
from contextlib import nullcontext
from pathlib import Path

import uvicorn

from local.simulators.registry import SIMULATORS
from local.simulators.simulator import Simulator


async def serve(state: Path, key: str, latency: float) -> None:
    """Serve every simulator on a port of its own, and say in `state` where."""
    simulators = [kind(key, latency) for kind in SIMULATORS]
    servers = [_server(simulator) for simulator in simulators]
    running = [asyncio.create_task(server.serve(sockets=[sock])) for server, sock in servers]
    stopped = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stopped.set)
    while not all(server.started for server, _ in servers):
        await asyncio.sleep(0.02)
    unfinished = state.with_suffix(".unfinished")
    unfinished.write_text(json.dumps({simulator.name: simulator.base_url for simulator in simulators}))
    unfinished.rename(state)
    await stopped.wait()
    for server, _ in servers:
        server.should_exit = True
        server.force_exit = True
    await asyncio.wait(running, timeout=3)


def _server(simulator: Simulator) -> tuple[uvicorn.Server, socket.socket]:
    sock = socket.create_server(("127.0.0.1", 0), backlog=512)
    simulator.base_url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    config = uvicorn.Config(simulator.app(), log_level="warning", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # type: ignore[method-assign,assignment]
    return server, sock


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="the file that says where each simulator is")
    parser.add_argument("--key", default="simulator-key", help="the key that every simulator takes")
    parser.add_argument("--latency", type=float, default=1.5, help="seconds that a picture takes")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.state, arguments.key, arguments.latency))


if __name__ == "__main__":
    main()
