"""The words in which providers say how a task stands: one table for all of them, in any case and any spelling."""

import re
from collections.abc import Sequence
from enum import Enum, auto
from typing import Any

from darkroom.providers.reading.envelopes import Named
from darkroom.providers.reading.values import plain

_FIELDS = ("status", "state", "taskstatus", "taskstate", "progressdesc", "jobstatus", "jobstate", "phase")


class State(Enum):
    """What a word says of a task. UNKNOWN: there is a word, and it is in no table; NOTHING: there is none."""

    WAITING = auto()
    RUNNING = auto()
    DONE = auto()
    FAILED = auto()
    CANCELLED = auto()
    UNKNOWN = auto()
    NOTHING = auto()


_WORDS: dict[State, str] = {
    State.WAITING: """queued queue queueing queuing inqueue pending waiting wait submitted submit created accepted
        scheduled notstart notstarted unstarted init initialized initializing received new standby throttled enqueued
        排队 排队中 等待 等待中 待处理 已提交 未开始 대기 대기중 wartend""",
    State.RUNNING: """processing process running inprogress progress generating started starting start working work
        executing active ongoing rendering uploading retrying retry preparing busy doing handling training loading
        textsuccess firstsuccess cancelling canceling downloading postprocessing
        处理中 生成中 进行中 运行中 执行中 绘制中 처리중 생성중 진행중 läuft""",
    State.DONE: """completed complete succeeded success succeed successful successfully finished finish done ok ready
        generated partialsuccess partialsucceeded partiallysucceeded partialsucceed partiallycompleted partialcompleted
        partiallysuccessful partial allsuccess saved delivered end ended
        成功 完成 已完成 生成成功 已生成 部分成功 완료 성공 fertig erfolgreich""",
    State.FAILED: """failed fail failure failing error errored err timeout timedout rejected reject refused denied
        expired expire abort aborted exception crashed dead invalid unsuccessful generatefailed createtaskfailed
        blocked moderated requestmoderated contentmoderated nsfw banned violation notfound unknownerror systemerror
        失败 生成失败 任务失败 错误 超时 已超时 已过期 拒绝 已拒绝 违规 실패 오류 fehlgeschlagen fehler""",
    State.CANCELLED: """cancelled canceled cancel stopped stop terminated killed revoked deleted interrupted
        requestcancelled requestcanceled usercancelled usercanceled
        取消 已取消 已终止 已停止 취소 취소됨 abgebrochen""",
}
_TABLE = {word: stands for stands, words in _WORDS.items() for word in words.split()}
_PREFIX = re.compile(
    r"^(?:taskstatus|taskstate|jobstate|jobstatus|status|state|task|job|generation|imagegeneration)(?=.)"
)


def read_state(levels: Sequence[Named]) -> tuple[State, str, int]:
    """How a task stands by the layers of an answer: what it says, the plain word, and in which layer it says it.

    The innermost layer with a word in the table decides: an envelope's own `status` is that of the call.
    """
    unknown = (State.NOTHING, "", len(levels) - 1)
    for place in reversed(range(len(levels))):
        for field in _FIELDS:
            word = _word(levels[place].get(field))
            stands = _TABLE.get(word) or _TABLE.get(_PREFIX.sub("", word))
            if stands:
                return stands, word, place
            if word and unknown[0] is State.NOTHING:
                unknown = (State.UNKNOWN, word, place)
    return unknown


def _word(value: Any) -> str:
    """A state's plain word. A number between 100 and 599 is an HTTP status and says nothing of the task."""
    if isinstance(value, int) and not isinstance(value, bool) and not 100 <= value < 600:
        return str(value)[:20]
    return plain(value) if isinstance(value, str) and not value.strip().isdigit() else ""
