"""What a client says where nobody answers, and how the command behaves before it has anybody to speak to."""

import subprocess
import sys
from pathlib import Path

import pytest

from darkroom_client import AsyncDarkroom, Darkroom, DarkroomError, NotInTime, NotReachable
from tests.unit.http.servers import closed_port


def command(*arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, as its script begins it."""
    run = f"{code or 'pass'}; from darkroom_client.command.entry import main; main()"
    return subprocess.run(
        [sys.executable, "-c", run, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("address", ["darkroom.example", "ftp://darkroom.example", ""])
def test_an_address_without_its_scheme_is_refused_at_once(address: str) -> None:
    for client in (Darkroom, AsyncDarkroom):
        with pytest.raises(NotReachable, match="begins with https"):
            client(address, "dk_x")


def test_where_nobody_listens_the_reason_is_said_with_what_to_do() -> None:
    with (
        Darkroom(f"http://127.0.0.1:{closed_port()}", "dk_x") as client,
        pytest.raises(NotReachable, match="make serve"),
    ):
        client.models()


def test_not_in_time_is_an_error_of_ours_and_pythons_own() -> None:
    error = NotInTime("task_1 is still queued after 3 s", task_id="task_1")
    assert isinstance(error, DarkroomError)
    assert isinstance(error, TimeoutError)
    assert (str(error), error.task_id) == ("task_1 is still queued after 3 s", "task_1")


def test_a_command_without_its_library_says_what_to_install() -> None:
    done = command("models", code="import sys; sys.modules['click'] = None")
    assert done.returncode == 2
    assert "pip install 'darkroom-client[cli]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_posted(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    nobody = f"http://127.0.0.1:{closed_port()}"
    for out in (tmp_path / "file" / "pictures", Path("/proc/pictures")):
        done = command("--url", nobody, "--key", "dk_x", "submit", "a fox", "--out", str(out))
        assert done.returncode == 2
        assert str(out) in done.stderr
        assert "Traceback" not in done.stderr


def test_a_command_that_reaches_nobody_says_so_in_one_line() -> None:
    for url in (f"http://127.0.0.1:{closed_port()}", "darkroom.example"):
        done = command("--url", url, "--key", "dk_x", "models")
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
