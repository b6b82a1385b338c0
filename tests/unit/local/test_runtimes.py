"""The streaming function's processes: whatever becomes of one of them, its call is answered and the next one served."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from local.processes import Process
from local.stack.runtimes import MOST_PROCESSES, Runtimes


class Call:
    def __init__(self) -> None:
        self.head: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    def breaks(self) -> None:
        if not self.head.done():
            self.head.set_result({"statusCode": 502})


class Started:
    """Processes that do nothing for as long as they live."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports: list[int] = []
        self.processes: list[Process] = []

    def __call__(self, number: int, address: str) -> Process:
        self.ports.append(int(address.rpartition(":")[2]))
        command = ["/bin/sh", "-c", "while :; do sleep 60; done"]
        process = Process(f"idle-{number}", command, environment={"PATH": os.defpath}, directory=self.folder)
        self.processes.append(process)
        return process


def played(folder: Path, play: Callable[[Runtimes, Started, "asyncio.Queue[Call]"], Coroutine[Any, Any, None]]) -> None:
    async def whole() -> None:
        started, waiting = Started(folder), asyncio.Queue[Call]()
        runtimes = Runtimes(started)
        watching = asyncio.create_task(runtimes.watch(waiting.qsize))
        try:
            await asyncio.wait_for(play(runtimes, started, waiting), 30)
        finally:
            watching.cancel()
            runtimes.stop()
            for sock in runtimes.sockets:
                sock.close()

    asyncio.run(whole())


def test_a_process_is_started_for_calls_that_wait_and_no_more_than_four(tmp_path: Path) -> None:
    async def play(runtimes: Runtimes, started: Started, waiting: "asyncio.Queue[Call]") -> None:
        await runtimes.start_if_needed(waiting=0)
        assert not started.processes
        for number in range(MOST_PROCESSES + 2):
            await runtimes.start_if_needed(waiting=1)
            await runtimes.start_if_needed(waiting=1)
            assert len(set(started.ports)) == len(started.processes) == min(number + 1, MOST_PROCESSES)
            waiting.put_nowait(Call())
            await runtimes.take(started.ports[-1], waiting)

    played(tmp_path, play)


def test_the_call_of_a_process_that_died_is_answered_and_the_next_one_gets_another_process(tmp_path: Path) -> None:
    async def play(runtimes: Runtimes, started: Started, waiting: "asyncio.Queue[Call]") -> None:
        lost, next_one = Call(), Call()
        waiting.put_nowait(lost)
        await runtimes.start_if_needed(waiting.qsize())
        assert await runtimes.take(started.ports[0], waiting) is lost
        os.kill(started.processes[0].pid, signal.SIGKILL)
        assert await lost.head == {"statusCode": 502}
        waiting.put_nowait(next_one)
        while len(started.processes) < 2:
            await asyncio.sleep(0.01)
        assert await runtimes.take(started.ports[1], waiting) is next_one

    played(tmp_path, play)


def test_a_process_that_died_while_it_waited_takes_no_call_with_it(tmp_path: Path) -> None:
    async def play(runtimes: Runtimes, started: Started, waiting: "asyncio.Queue[Call]") -> None:
        await runtimes.start_if_needed(waiting=1)
        wait = asyncio.create_task(runtimes.take(started.ports[0], waiting))
        await asyncio.sleep(0)
        os.kill(started.processes[0].pid, signal.SIGKILL)
        assert await wait is None
        call = Call()
        waiting.put_nowait(call)
        while len(started.processes) < 2:
            await asyncio.sleep(0.01)
        assert await runtimes.take(started.ports[1], waiting) is call

    played(tmp_path, play)


def test_a_call_that_was_answered_while_it_waited_is_not_handed_out(tmp_path: Path) -> None:
    async def play(runtimes: Runtimes, started: Started, waiting: "asyncio.Queue[Call]") -> None:
        late, call = Call(), Call()
        late.breaks()
        waiting.put_nowait(late)
        waiting.put_nowait(call)
        await runtimes.start_if_needed(waiting.qsize())
        assert await runtimes.take(started.ports[0], waiting) is call

    played(tmp_path, play)
