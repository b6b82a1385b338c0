"""Serving a dialect: a call is read, its task is found or made, and the answer is written, all in that dialect."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from darkroom.accounts.admission import AdmissionFailure, NotAdmitted
from darkroom.accounts.keys import ApiKey, too_fast
from darkroom.api.errors import ApiError
from darkroom.api.headers import idempotency_key
from darkroom.api.request import fingerprint, read_request
from darkroom.api.submitting import routed_by_key
from darkroom.catalog.routing import NoOffer, SwitchedOff
from darkroom.clock import now
from darkroom.dialects.base import Dialect
from darkroom.dialects.calls import (
    Answer,
    Call,
    Cancel,
    Form,
    ListModels,
    LookUp,
    LookUpMany,
    Submission,
    TaskView,
    TokenRequest,
)
from darkroom.dialects.refusals import ErrorKind, Refusal, refusal_of
from darkroom.dialects.task_view import AnswerTooLarge
from darkroom.dialects.transport import Streamed, Transport
from darkroom.observability import follow
from darkroom.submission.accepting import IdempotencyConflict, TooMuchToKeep
from darkroom.submission.in_flight_calls import answer_key
from darkroom.submission.repetition import Caller, repeats_silently
from darkroom.tasks.cancellation import AlreadyEnded, cancel
from darkroom.tasks.ids import well_formed
from darkroom.tasks.long_polling import wait_for_end
from darkroom.tasks.task import Entry, Task
from darkroom.tasks.update import Status

if TYPE_CHECKING:
    from darkroom.dialects.parts import DialectParts


class DialectService:
    """Answers the calls of one dialect that came by one transport."""

    def __init__(self, parts: "DialectParts", dialect: Dialect, transport: Transport) -> None:
        self._parts = parts
        self._dialect = dialect
        self._transport = transport

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
            case LookUp(task_id):
                return self._answer(intent, self._owned(caller, task_id))
            case Cancel(task_id):
                return self._answer(intent, self._cancelled(self._owned(caller, task_id)))
            case LookUpMany():
                return self._look_up_many(intent, caller)
            case ListModels():
                return self._dialect.models(intent, self._model_names())
            case TokenRequest():
                return self._token(intent)

    def _refuse_unknown(self, call: Call) -> None:
        """Raises `Refusal` for a route that is not there, before any body is read."""
        try:
            self._dialect.read(replace(call, body={}))
        except Refusal as refusal:
            if refusal.kind is ErrorKind.UNKNOWN_CALL:
                raise

    def _caller(self, call: Call) -> ApiKey:
        from darkroom.accounts.access_tokens import PREFIX, key_digest_of

        key = self._dialect.credential(call)
        if key is None:
            raise Refusal(ErrorKind.NO_KEY, f"no API key was given: send the header `{self._dialect.key_header}`")
        accounts = self._parts.accounts()
        if key.startswith(PREFIX):
            digest = key_digest_of(key, now() // 1000, self._parts.keys().access())
            found = accounts.find_digest(digest) if digest else None
        else:
            found = accounts.find_key(key) if len(key) <= 512 else None
        if found is None:
            raise Refusal(ErrorKind.BAD_KEY, "this API key is not known here, or has expired")
        if not found.valid(now()):
            raise Refusal(ErrorKind.DISABLED_KEY, "this API key is disabled, or was replaced")
        if wait := self._parts.wait_of(found):
            raise Refusal(ErrorKind.RATE_LIMITED, too_fast(found), retry_after=wait)
        return found

    def _token(self, intent: TokenRequest) -> Answer:
        from darkroom.accounts.access_tokens import LIFE, access_token
        from darkroom.accounts.keys import key_digest

        digest = key_digest(intent.api_key)
        found = self._parts.accounts().find_digest(digest)
        if found is None or not found.valid(now()):
            raise Refusal(ErrorKind.BAD_KEY, "secret_key is not an API key that is known here")
        token = access_token(digest, now() // 1000, self._parts.keys().access())
        return self._dialect.token(token, LIFE, self._transport.request_id)

    # Submissions

    def _submit(self, call: Call, intent: Submission, caller: ApiKey) -> Answer | Streamed:
        buffered = intent.form is Form.STREAMING and not self._transport.streams
        if buffered or (intent.form is Form.WAITING and not intent.open_ended):
            return self._with_notes(self._submit_and_wait(call, intent, caller), intent)
        task = self._accept(call, intent, caller, fingerprint(call.body))
        if intent.form is Form.STREAMING:
            from darkroom.dialects.streaming import stream

            return stream(self._parts, self._dialect, self._transport, intent, task)
        if intent.form is Form.WAITING:
            task = wait_for_end(self._parts.tasks(), task, self._transport.patience)
        elif task.status is Status.FAILED:
            # Refused by the provider on the spot: its own API would have refused the submission.
            raise refusal_of(task.error, task.task_id)
        return self._with_notes(self._answer(intent, task), intent)

    def _submit_and_wait(self, call: Call, intent: Submission, caller: ApiKey) -> Answer:
        """The pictures, or the refusal of a call whose time was up: it may be repeated, and then joins this task."""
        deduplication = self._parts.deduplication()
        digest = fingerprint(call.body)
        key = answer_key(caller.owner, self._dialect.name, digest)
        if idempotency_key_of(call) is not None:
            return self._waited(intent, self._accept(call, intent, caller, digest))
        place = deduplication.joined(key, _waiting(call, self._transport.patience))
        task = place.task if place else None
        if place is None:
            place = deduplication.begun(key, _waiting(call, self._transport.patience))
            try:
                task = self._accept(call, intent, caller, digest)
            except BaseException:
                deduplication.refused(key, place)
                raise
            deduplication.made(key, place, task)
        if task is None:
            raise Refusal(ErrorKind.TIMEOUT, "the task is still being made: repeat the same request", retry_after=1)
        try:
            return self._waited(intent, task)
        except Refusal as refusal:
            if refusal.kind is ErrorKind.TIMEOUT:
                place = None
            raise
        finally:
            if place:
                deduplication.answered(key, place)

    def _waited(self, intent: Submission, task: Task) -> Answer:
        """The pictures of a task. Raises `Refusal` where they are not there in time, or not at all."""
        whole = self._transport.patience
        follow(task.task_id, task.correlation_id)
        task = wait_for_end(self._parts.tasks(), task, whole)
        if not task.status.terminal:
            message = (
                f"the pictures of task {task.task_id} are not ready after {whole:.0f} s. The task goes on: "
                "repeat the same request to wait for it, or look it up by its id"
            )
            raise Refusal(ErrorKind.TIMEOUT, message, task_id=task.task_id, retry_after=1)
        if task.status is not Status.COMPLETED:
            raise refusal_of(task.error, task.task_id)
        return self._answer(intent, task)

    def _accept(self, call: Call, intent: Submission, caller: ApiKey, digest: str) -> Task:
        """The task of a submission; `digest` is its body's. Raises `Refusal` with the field in the dialect's words."""
        entry = Entry(self._dialect.name, intent.model, intent.echo, intent.base64)
        try:
            request = routed_by_key(read_request(self._body(intent), self._parts.settings), caller)
            submitted = self._parts.submissions().submit(
                caller,
                request,
                fingerprint=digest,
                correlation_id=self._transport.request_id,
                idempotency_key=idempotency_key_of(call),
                entry=entry,
            )
        except ApiError as error:
            raise self._renamed(Refusal(ErrorKind.BAD_FIELD, error.message, error.param)) from error
        except SwitchedOff as error:
            raise Refusal(ErrorKind.UNAVAILABLE, str(error), retry_after=60) from error
        except NoOffer as error:
            kind = ErrorKind.UNKNOWN_MODEL if error.param == "model" else ErrorKind.BAD_FIELD
            raise self._renamed(Refusal(kind, str(error), error.param)) from error
        except TooMuchToKeep as error:
            raise Refusal(ErrorKind.TOO_LARGE, str(error)) from error
        except NotAdmitted as refused:
            kind = ErrorKind.RATE_LIMITED if refused.reason is AdmissionFailure.OPEN_TASKS else ErrorKind.NO_BALANCE
            raise Refusal(kind, refused.message, retry_after=refused.retry_after) from refused
        except IdempotencyConflict as error:
            message = "this Idempotency-Key was used before with another body: use a new key for a new task"
            raise Refusal(ErrorKind.CONFLICT, message, "Idempotency-Key", error.task_id) from error
        follow(submitted.task.task_id, submitted.task.correlation_id)
        return submitted.task

    def _body(self, intent: Submission) -> Mapping[str, Any]:
        """The body that our own API would take."""
        if not intent.fits_size:
            return intent.task
        from darkroom.dialects.openai_sizes import fitted

        return fitted(intent.task, self._parts.catalog_in_force())

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
        task = self._parts.tasks().get(task_id) if well_formed(task_id) else None
        if task is None or task.owner != caller.owner:
            raise Refusal(ErrorKind.UNKNOWN_TASK, f"there is no task {task_id[:80]!r}")
        follow(task.task_id, task.correlation_id)
        return task

    def _cancelled(self, task: Task) -> Task:
        try:
            charge_made = self._parts.settings.charge_cancelled
            return cancel(self._parts.tasks(), task, now, charge_made=charge_made)
        except AlreadyEnded as error:
            message = f"the task is {task.status.value} and can't be cancelled any more"
            raise Refusal(ErrorKind.CONFLICT, message, task_id=task.task_id) from error

    def _look_up_many(self, intent: LookUpMany, caller: ApiKey) -> Answer:
        if intent.task_ids is None:
            from darkroom.tasks.listing import Filters

            upto = intent.page * intent.page_size
            tasks = list(self._parts.task_list().page(caller.owner, Filters(), limit=upto).tasks)
            tasks = tasks[upto - intent.page_size :]
        else:
            wanted = [task_id for task_id in intent.task_ids if well_formed(task_id)]
            found = self._parts.tasks().get_many(wanted)
            tasks = [found[task_id] for task_id in wanted if task_id in found]
        mine = [task for task in tasks if task.owner == caller.owner]
        if intent.completed_only:
            mine = [task for task in mine if task.status is Status.COMPLETED]
        # Pictures themselves are for the look-up of one task: many would not fit.
        return self._dialect.answer(intent, [self._view(task, limit=0) for task in mine], self._transport.request_id)

    def _model_names(self) -> list[str]:
        return [model.name for model in self._parts.catalog_in_force().models]

    # Answers

    def _view(self, task: Task, *, limit: int) -> TaskView:
        try:
            return self._parts.presenter().view(task, self._dialect.name, limit=limit)
        except AnswerTooLarge as error:
            message = (
                f"the pictures of task {task.task_id} are stored, but take {error.needed} bytes as base64, and an "
                f"answer here carries {error.limit}: ask for response_format url, or read them at "
                f"/v1/tasks/{task.task_id}"
            )
            raise Refusal(ErrorKind.ANSWER_TOO_LARGE, message, "response_format", task.task_id) from error

    def _answer(self, intent: Submission | LookUp | Cancel, task: Task) -> Answer:
        try:
            view = [self._view(task, limit=self._transport.max_answer)]
        except Refusal:
            if not (isinstance(intent, Submission) and intent.links_if_large):
                raise
            view = [self._view(task, limit=0)]
        if isinstance(intent, Submission) and intent.form is Form.STREAMING:
            from darkroom.dialects.streaming import buffered

            answer = buffered(self._dialect, intent, view[0])
        else:
            answer = self._dialect.answer(intent, view, self._transport.request_id)
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
        raise Refusal(ErrorKind.MALFORMED, error.message, error.param) from error


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
