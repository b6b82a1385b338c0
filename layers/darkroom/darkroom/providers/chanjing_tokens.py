"""chanjing's access tokens: the given one, or one fetched with app id and secret key and kept while it lives."""

import threading
import time

from darkroom.providers.base import OutcomeUnknown, Refused, Upstream, UpstreamRequest
from darkroom.providers.reading.answers import taken
from darkroom.providers.reading.envelopes import layers
from darkroom.providers.reading.refusals import classify
from darkroom.providers.reading.reported_errors import ReportedError, read_reported_error
from darkroom.providers.reading.values import Object, as_object, as_text
from darkroom.tasks.failure import Disposition, ErrorCode, Failure

_RENEW_BEFORE = 60
"""Seconds before its end at which a fetched token is fetched anew."""


class AccessTokens:
    """The tokens of a process, one for each app id."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[str, float]] = {}

    def current(self, upstream: Upstream) -> str:
        """The token to send now. Raises `Refused` where none can be had."""
        given = upstream.credential.get("access_token", "")
        if given:
            return given
        app_id = upstream.credential.get("app_id", "")
        with self._lock:
            token, ends_at = self._kept.get(app_id, ("", 0.0))
            return token if time.monotonic() < ends_at else self._fetch(app_id, upstream)

    def renewed(self, upstream: Upstream, refused: str) -> str:
        """Another token than the refused one, which another thread may have fetched by now. Raises `Refused`."""
        app_id = upstream.credential.get("app_id", "")
        with self._lock:
            token, _ = self._kept.get(app_id, ("", 0.0))
            return token if token != refused else self._fetch(app_id, upstream)

    def _fetch(self, app_id: str, upstream: Upstream) -> str:
        body = {"app_id": app_id, "secret_key": upstream.credential.get("secret_key", "")}
        try:
            answer = upstream.send(UpstreamRequest("POST", "/open/v1/access_token", json=body))
            content = taken(self._provider, answer, self._refused)
        except OutcomeUnknown as error:  # no token, no submission: nothing was accepted
            raise Refused(self._unavailable()) from error
        data = as_object(content.get("data"))
        token = as_text(data.get("access_token"))
        if not token:
            raise Refused(self._refused(401, read_reported_error(layers(content))))
        self._kept[app_id] = (token, time.monotonic() + max(_seconds(data) - _RENEW_BEFORE, 1.0))
        return token

    def _refused(self, status: int, reported: ReportedError) -> Failure:
        return classify(self._provider, status, reported.code, reported.message)

    def _unavailable(self) -> Failure:
        text = f"{self._provider}: no access token could be fetched."
        return Failure(ErrorCode.PROVIDER_UNAVAILABLE, text, Disposition.ELSEWHERE)


def _seconds(data: Object) -> float:
    """For how long a token lives: elsewhere in its site `expire_in` is a moment in Unix seconds, not a period."""
    lives = float(as_text(data.get("expire_in")) or 3600)
    return lives - time.time() if lives > 10**9 else lives
