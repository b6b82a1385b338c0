"""What a provider's code of refusal is about, in any case and spelling.

The codes are those of Volcengine's and BytePlus's Ark ("Error codes": InputTextSensitiveContentDetected,
OutputImageRiskDetection, AccountOverdueError …), OpenAI ("Error codes": content_policy_violation, moderation_blocked,
insufficient_quota), Azure (content_filter, ResponsibleAIPolicyViolation), Alibaba (DataInspectionFailed), evolink,
acedata, and gateways of their kind (sensitive_words_detected).
"""

import re
from enum import Enum, auto

from darkroom.providers.reading.values import plain


class Topic(Enum):
    """What a refusal is about."""

    CONTENT = auto()
    RATE = auto()
    BALANCE = auto()
    KEY = auto()


def _any(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts))


_CODES = (
    (
        Topic.CONTENT,
        _any(
            "sensitive", "riskdetect", "riskcontrol", "contentpolicy", "policyviolat", "policyblock", "moderat",
            "content(?:filter|block|safety|refus|reject|audit|risk|unsafe|restrict|violat)", "safety", "nsfw",
            "inappropriate", "datainspection", "(?:prohibited|illegal|forbidden|unsafe|blocked)content", "copyright",
            "responsibleai", "privacyinformation", "auditfail", "badprompt", "promptblock", "deepfake", "likeness",
        ),
    ),
    (
        Topic.BALANCE,
        _any(
            "insufficient(?!permission|scope|privilege)", "overdue", "arrear", "usedup", "nocredit", "outofcredit",
            "notenough", "balance", "paymentrequired", "billing", "quotaexhaust",
        ),
    ),
    (
        Topic.RATE,
        _any(
            "ratelimit", "toomany", "requestlimit", "throttl", "limitexceeded", "qpslimit", "concurren", "toofast",
            "requestburst", "flowlimit", "serveroverload", "toofrequent",
        ),
    ),
    (
        Topic.KEY,
        _any(
            "unauthori", "invalid(?:api|access)?key", "apikey", "authenticat", "invalidtoken", "tokenexpired",
            "notoken", "accessdenied", "permission", "signature", "account(?:disabled|suspend|banned)",
            "insufficientscope",
        ),
    ),
)  # fmt: skip
_NOT_CONTENT = re.compile("casesensitive|sensitiveheader")


def topic_of_code(code: str) -> Topic | None:
    """What a code is about; None where no table has it."""
    word = _NOT_CONTENT.sub("", plain(code))
    return next((topic for topic, pattern in _CODES if pattern.search(word)), None)
