"""The client's two forms are one: the synchronous one is made of the other."""

from local.sync_client import MADE, rendered


def test_the_synchronous_client_is_what_is_made_of_the_asynchronous_one() -> None:
    assert MADE.read_text(encoding="utf-8") == rendered(), "run `make client`"
