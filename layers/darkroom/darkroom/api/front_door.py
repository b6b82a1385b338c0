"""Serving a dialect: a call is read, its task is found or made, and the answer is written, all in that dialect."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from darkroom.api.doors import Door, Streamed
from darkroom.api.errors import ApiError
from darkroom.api.headers import idempotency_key
from darkroom.api.request import fingerprint, read_request
from darkroom.api.submitting import routed_by_key
from darkroom.dialects.base import Dialect
from darkroom.dialects.calls import (
    Answer,
    Call,
    Cancel,
    Form,
    ListModels,
    Look,
    LookMany,
    Seen,
    Submission,
    TokenRequest,
)
from darkroom.dialects.refusals import Refusal, Trouble, refusal_of
from darkroom.domain.admission import Barrier, NotAdmitted
from darkroom.domain.identifiers import well_formed
from darkroom.domain.repetition import Caller, repeats_silently
from darkroom.domain.routing import NoOffer
from darkroom.domain.task import Entry, Task
from darkroom.domain.update import Status
from darkroom.observation import follow
from darkroom.services.assembly import Assembly
from darkroom.services.cancellation import AlreadyEnded, cancel
from darkroom.services.clock import now
from darkroom.services.sight import AnswerTooLarge
from darkroom.services.submission import IdempotencyConflict, TooMuchToKeep
from darkroom.services.waiting import wait_for_end
from darkroom.stores.accounts import ApiKey, too_fast
from darkroom.stores.awaited_answers import answer_key


class FrontDoor:
    """Answers the calls of one dialect that came by one door."""

    def __init__(self, assembly: Assembly, dialect: Dialect, door: Door) -> None:
        self._assembly = assembly
        self._dialect = dialect
        self._door = door

    def serve(self, call: Call, body: Callable[[], Mapping[str, Any]]) -> Answer | Streamed:
        """Answer a call, whose body is read once it is known who calls.

        Raises `Refusal` where the dialect has an error to answer with.
        """
        if call.route in self._dialect.open_routes:
            intent = self._dialect.read(replace(call, body=body()))
            assert isinstance(intent, TokenRequest)  # no other call is open
            return self._token(intent)
        caller = self._caller(call)
        self._refuse_unknown(call)
        call = replace(call, body=body())
        intent = self._dialect.read(call)
        match intent:
            case Submission():
                return self._submit(call, intent, caller)
            case Look(task_id):
                return self._answer(intent, self._owned(caller, task_id))
            case Cancel(task_id):
                return self._answer(intent, self._cancelled(self._owned(caller, task_id)))
            case LookMany():
                return self._look_many(intent, caller)
            case ListModels():
                return self._dialect.models(intent, self._model_names())
            case TokenRequest():
                return self._token(intent)

    def _refuse_unknown(self, call: Call) -> None:
        """Raises `Refusal` for a route that is not there, before any body is read."""
        try:
            self._dialect.read(replace(call, body={}))
        except Refusal as refusal:
            if refusal.trouble is Trouble.UNKNOWN_CALL:
                raise

    def _caller(self, call: Call) -> ApiKey:
        from darkroom.domain.access_tokens import PREFIX, key_digest_of

        key = self._dialect.credential(call)
        if key is None:
            raise Refusal(Trouble.NO_KEY, f"no API key was given: send the header `{self._dialect.key_header}`")
        accounts = self._assembly.accounts()
        if key.startswith(PREFIX):
            digest = key_digest_of(key, now() // 1000, self._assembly.keys().access())
            found = accounts.find_digest(digest) if digest else None
        else:
            found = accounts.find_key(key) if len(key) <= 512 else None
        if found is None:
            raise Refusal(Trouble.BAD_KEY, "this API key is not known here, or has expired")
        if not found.valid(now()):
            raise Refusal(Trouble.DISABLED_KEY, "this API key is disabled, or was replaced")
        if wait := self._assembly.wait_of(found):
            raise Refusal(Trouble.RATE_LIMITED, too_fast(found), retry_after=wait)
        return found

    def _token(self, intent: TokenRequest) -> Answer:
        from darkroom.domain.access_tokens import LIFE, access_token
        from darkroom.stores.accounts import key_digest

        digest = key_digest(intent.api_key)
        found = self._assembly.accounts().find_digest(digest)
        if found is None or not found.valid(now()):
            raise Refusal(Trouble.BAD_KEY, "secret_key is not an API key that is known here")
        token = access_token(digest, now() // 1000, self._assembly.keys().access())
        return self._dialect.token(token, LIFE, self._door.request_id)

    # Submissions

    def _submit(self, call: Call, intent: Submission, caller: ApiKey) -> Answer | Streamed:
        buffered = intent.form is Form.STREAMING and not self._door.streams
        if buffered or (intent.form is Form.WAITING and not intent.open_ended):
            return self._with_notes(self._submit_and_wait(call, intent, caller), intent)
        task = self._accept(call, intent, caller, fingerprint(call.body))
        if intent.form is Form.STREAMING:
            from darkroom.api.streaming import stream

            return stream(self._assembly, self._dialect, self._door, intent, task)
        if intent.form is Form.WAITING:
            task = wait_for_end(self._assembly.tasks(), task, self._door.patience)
        elif task.status is Status.FAILED:
            # Refused by the provider on the spot: its own API would have refused the submission.
            raise refusal_of(task.error, task.task_id)
        return self._with_notes(self._answer(intent, task), intent)

    def _submit_and_wait(self, call: Call, intent: Submission, caller: ApiKey) -> Answer:
        """The pictures, or the refusal of a call whose time was up: it may be repeated, and then joins this task."""
        repeats = self._assembly.repeats()
        digest = fingerprint(call.body)
        key = answer_key(caller.owner, self._dialect.name, digest)
        if idempotency_key_of(call) is not None:
            return self._waited(intent, self._accept(call, intent, caller, digest))
        place = repeats.joined(key, _waiting(call, self._door.patience))
        task = place.task if place else None
        if place is None:
            place = repeats.begun(key, _waiting(call, self._door.patience))
            try:
                task = self._accept(call, intent, caller, digest)
            except BaseException:
                repeats.refused(key, place)
                raise
            repeats.made(key, place, task)
        if task is None:
            raise Refusal(Trouble.TIMEOUT, "the task is still being made: repeat the same request", retry_after=1)
        try:
            return self._waited(intent, task)
        except Refusal as refusal:
            if refusal.trouble is Trouble.TIMEOUT:
                place = None
            raise
        finally:
            if place:
                repeats.answered(key, place)

    def _waited(self, intent: Submission, task: Task) -> Answer:
        """The pictures of a task. Raises `Refusal` where they are not there in time, or not at all."""
        whole = self._door.patience
        follow(task.task_id, task.correlation_id)
        task = wait_for_end(self._assembly.tasks(), task, whole)
        if not task.status.terminal:
            message = (
                f"the pictures of task {task.task_id} are not ready after {whole:.0f} s. The task goes on: "
                "repeat the same request to wait for it, or look it up by its id"
            )
            raise Refusal(Trouble.TIMEOUT, message, task_id=task.task_id, retry_after=1)
        if task.status is not Status.COMPLETED:
            raise refusal_of(task.error, task.task_id)
        return self._answer(intent, task)

    def _accept(self, call: Call, intent: Submission, caller: ApiKey, digest: str) -> Task:
        """The task of a submission; `digest` is its body's. Raises `Refusal` with the field in the dialect's words."""
        entry = Entry(self._dialect.name, intent.model, intent.echo, intent.base64)
        try:
            request = routed_by_key(read_request(intent.task, self._assembly.settings), caller)
            submitted = self._assembly.submissions().submit(
                caller,
                request,
                fingerprint=digest,
                correlation_id=self._door.request_id,
                idempotency_key=idempotency_key_of(call),
                entry=entry,
            )
        except ApiError as error:
            raise self._renamed(Refusal(Trouble.BAD_FIELD, error.message, error.param)) from error
        except NoOffer as error:
            trouble = Trouble.UNKNOWN_MODEL if error.param == "model" else Trouble.BAD_FIELD
            raise self._renamed(Refusal(trouble, str(error), error.param)) from error
        except TooMuchToKeep as error:
            raise Refusal(Trouble.TOO_LARGE, str(error)) from error
        except NotAdmitted as barrier:
            trouble = Trouble.RATE_LIMITED if barrier.barrier is Barrier.OPEN_TASKS else Trouble.NO_BALANCE
            raise Refusal(trouble, barrier.message, retry_after=barrier.retry_after) from barrier
        except IdempotencyConflict as error:
            message = "this Idempotency-Key was used before with another body: use a new key for a new task"
            raise Refusal(Trouble.CONFLICT, message, "Idempotency-Key", error.task_id) from error
        follow(submitted.task.task_id, submitted.task.correlation_id)
        return submitted.task

    def _renamed(self, refusal: Refusal) -> Refusal:
        """The refusal in the dialect's own names of fields."""
        ours, rest = _first_name(refusal.param or "")
        theirs = self._dialect.renamed.get(ours)
        if not theirs:
            return refusal
        message = refusal.message
        if message.startswith(ours):
            message = theirs + message[len(ours) :]
        return replace(refusal, message=message, param=theirs + rest)

    # Look-ups

    def _owned(self, caller: ApiKey, task_id: str) -> Task:
        task = self._assembly.tasks().get(task_id) if well_formed(task_id) else None
        if task is None or task.owner != caller.owner:
            raise Refusal(Trouble.UNKNOWN_TASK, f"there is no task {task_id[:80]!r}")
        follow(task.task_id, task.correlation_id)
        return task

    def _cancelled(self, task: Task) -> Task:
        try:
            charge_made = self._assembly.settings.charge_cancelled
            return cancel(self._assembly.tasks(), task, now, charge_made=charge_made)
        except AlreadyEnded as error:
            message = f"the task is {task.status.value} and can't be cancelled any more"
            raise Refusal(Trouble.CONFLICT, message, task_id=task.task_id) from error

    def _look_many(self, intent: LookMany, caller: ApiKey) -> Answer:
        if intent.task_ids is None:
            from darkroom.stores.task_list import Filters

            upto = intent.page * intent.page_size
            tasks = list(self._assembly.task_list().page(caller.owner, Filters(), limit=upto).tasks)
            tasks = tasks[upto - intent.page_size :]
        else:
            wanted = [task_id for task_id in intent.task_ids if well_formed(task_id)]
            found = self._assembly.tasks().get_many(wanted)
            tasks = [found[task_id] for task_id in wanted if task_id in found]
        mine = [task for task in tasks if task.owner == caller.owner]
        if intent.completed_only:
            mine = [task for task in mine if task.status is Status.COMPLETED]
        # Pictures themselves are for the look-up of one task: many would not fit.
        return self._dialect.answer(intent, [self._seen(task, limit=0) for task in mine], self._door.request_id)

    def _model_names(self) -> list[str]:
        from darkroom.domain.catalog import catalog

        return [model.name for model in catalog().models]

    # Answers

    def _seen(self, task: Task, *, limit: int) -> Seen:
        try:
            return self._assembly.sight().see(task, self._dialect.name, limit=limit)
        except AnswerTooLarge as error:
            message = (
                f"the pictures of task {task.task_id} are stored, but take {error.needed} bytes as base64, and an "
                f"answer here carries {error.limit}: ask for response_format url, or read them at "
                f"/v1/tasks/{task.task_id}"
            )
            raise Refusal(Trouble.ANSWER_TOO_LARGE, message, "response_format", task.task_id) from error

    def _answer(self, intent: Submission | Look | Cancel, task: Task) -> Answer:
        try:
            seen = [self._seen(task, limit=self._door.max_answer)]
        except Refusal:
            if not (isinstance(intent, Submission) and intent.links_if_large):
                raise
            seen = [self._seen(task, limit=0)]
        if isinstance(intent, Submission) and intent.form is Form.STREAMING:
            from darkroom.api.streaming import whole

            answer = whole(self._dialect, intent, seen[0])
        else:
            answer = self._dialect.answer(intent, seen, self._door.request_id)
        return replace(answer, headers={**answer.headers, "x-darkroom-task-id": task.task_id})

    def _with_notes(self, answer: Answer, intent: Submission) -> Answer:
        """The answer, with a word on the fields that were ignored, as the provider ignores them."""
        if not intent.ignored:
            return answer
        names = ",".join(name for name in intent.ignored if name.isascii() and name.isprintable())[:500]
        return replace(answer, headers={**answer.headers, "x-darkroom-ignored": names})


def idempotency_key_of(call: Call) -> str | None:
    """The call's `Idempotency-Key`. Raises `Refusal`."""
    try:
        return idempotency_key(call.headers)
    except ApiError as error:
        raise Refusal(Trouble.MALFORMED, error.message, error.param) from error


def _waiting(call: Call, patience: float) -> Caller:
    """A call that begins to wait for so many seconds: what it says of its being a repetition, and what its client does.

    The number is that of OpenAI's and other generated clients.
    """
    tries = call.headers.get("x-stainless-retry-count", "").strip()
    return Caller(
        now=now(),
        until=now() + int(patience * 1000),
        tries=int(tries[:4]) if tries.isascii() and tries.isdecimal() else 0,
        silent=repeats_silently(call.headers.get("user-agent", "")),
    )


def _first_name(param: str) -> tuple[str, str]:
    """A param's first name, and what follows it: `image_urls[0]` is `image_urls` and `[0]`."""
    end = min((place for place in (param.find("["), param.find(".")) if place > 0), default=len(param))
    return param[:end], param[end:]
