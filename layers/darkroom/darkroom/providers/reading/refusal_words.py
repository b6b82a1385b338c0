"""What a provider's sentence of refusal is about, where neither its status nor its code says it.

A single stem says nothing (`violates the rate limit`, `case-sensitive`, `prohibited from this IP`): it takes a phrase
that is used of content alone, or a stem beside what it was found in, and nothing technical next to it.
"""

import re

from darkroom.providers.reading.refusal_codes import Topic
from darkroom.providers.reading.values import MAX_HEARD


def _any(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts), re.IGNORECASE)


_BAD = "(?:sensitive|inappropriate|prohibited|forbidden|harmful|unsafe|explicit|adult|illegal|offensive|restricted)"
_MATTER = "(?:content|information|words?|materials?|topics?|themes?|imagery|language)"
_CONTENT = _any(
    # English
    "nsfw",
    r"content[\s_-]{0,2}(?:polic|moderat|filter|safety|guideline|violation|restriction|audit)",
    r"safety[\s_-]{0,2}(?:system|filter|polic|check|guideline|guardrail|reason|measure|restriction|standard)",
    r"\bmoderat(?:ion|ed)\b",
    "community (?:guideline|standard)",
    "(?:usage|acceptable use|responsible ai) polic",
    rf"\b{_BAD} (?:or \w{{1,20}} )?{_MATTER}",
    "potentially (?:sensitive|harmful|unsafe)",
    r"copyright\w{0,3}\b",
    "intellectual property",
    r"pornograph\w{0,3}",
    "risk[ -]control",
    # Chinese, in both scripts
    "敏感(?:内容|信息|词|人物|图片|文本|话题|元素|字|內容|詞|資訊)",
    "违规(?:内容|信息|词|图片|文本|元素)",
    "违法违规",
    "不良(?:内容|信息)",
    "不当(?:内容|信息)",
    "违禁(?:词|内容|品)",
    "内容(?:安全|审核|审查|违规|不合规|策略|政策|风险|敏感)",
    "(?:安全|内容|机器|图片|文本)(?:审核|审查|检测|策略|过滤)",
    "(?<!认证)审核(?:未|不)通过",
    "(?<!认证)未通过审核",
    "色情|涉黄|涉政|涉暴|低俗|裸露",
    "版权|版權|侵权|侵權|肖像权",
    # Korean, Japanese
    "콘텐츠 ?(?:정책|가이드|필터|안전)",
    "안전 ?(?:시스템|필터|정책)",
    "부적절한|유해한|음란|선정적",
    "민감한 ?(?:내용|콘텐츠|정보|단어)",
    "저작권",
    "금지된 ?(?:콘텐츠|내용|단어|이미지)",
    "コンテンツ ?ポリシー",
    "不適切",
    "センシティブな",
    "著作権",
    "セーフティ",
    "安全 ?(?:システム|フィルター|ポリシー)",
    "有害な|わいせつ",
    "(?:ガイドライン|ポリシー)に違反",
    # German, French, Spanish, Portuguese, Italian, Russian
    "inhalts(?:richtlinie|filter)",
    "sicherheits(?:system|filter|richtlinie|gründe)",
    "unangemessen|anstößig|jugendgefährdend",
    r"(?:sensible|unzulässige|verbotene|anstößige)n? inhalte",
    "urheberrecht",
    "nutzungsrichtlinie",
    r"gegen (?:unsere|die) (?:\w{1,30} ){0,2}(?:\w{0,20})richtlinien",
    r"politique (?:de|relative au) contenu",
    "contenu (?:inapproprié|sensible|interdit|explicite)",
    "droits? d['’]auteur",
    r"pol[ií]tica(?:s)? de (?:contenido|conteúdo|uso)",
    "(?:contenido|conteúdo) (?:inapropiado|inapropriado|inadequado|sensible|sensível|prohibido|proibido)",
    "derechos de autor|direitos autorais",
    "sistema de segur|système de sécurité|sistema di sicurezza",
    "contenut[oi] (?:inappropriat|sensibil|vietat)",
    r"недопустим\w{1,4} (?:контент|содерж)",
    r"политик\w{1,3} (?:контент|безопасн|содерж)",
    "авторск",
)
"""Phrases that are used of content alone."""
_WRITTEN = r"\b(?:contents?|prompts?|texts?|wording|words?|descriptions?)\b"
_SHOWN = rf"(?:{_WRITTEN}|\b(?:images?|pictures?|photos?|inputs?|outputs?|references?|materials?|requests?)\b)"
_OF_SHOWN = (
    r"\b(?:sensitive|unsafe|inappropriate|offensive|objectionable|harmful|obscene|flagged|nud(?:e|ity)"
    r"|sexual\w{0,3}|violen(?:t|ce)|gor[ey]|bloody)\b"
)
_OF_WRITTEN = r"\b(?:prohibited|forbidden|disallowed|not allowed|illegal|unlawful|blocked|rejected|filtered|explicit)\b"
_RULES = r"(?:policy|policies|guidelines?|terms of (?:use|service)|rules)\b"
_LIKELY = _any(
    rf"{_SHOWN}[^.;\n]{{0,60}}{_OF_SHOWN}",
    rf"{_OF_SHOWN}[^.;\n]{{0,25}}{_SHOWN}",
    rf"{_WRITTEN}[^.;\n]{{0,40}}{_OF_WRITTEN}",
    rf"{_OF_WRITTEN}[^.;\n]{{0,25}}{_WRITTEN}",
    rf"\b(?:violat|breach|contraven|infring)\w{{0,6}}\b[^.;\n]{{0,40}}\b{_RULES}",
    r"\bpolicy violation",
    rf"\b(?:against|comply with|under) (?:our|the|its) [^.;\n]{{0,30}}\b{_RULES}",
    r"\b(?:hate speech|self[- ]harm|child safety|minors|public figures?|celebrit(?:y|ies))\b",
    r"\b(?:real (?:person|people)|likeness|deepfakes?|trademarks?)\b",
    "(?:内容|图片|图像|文本|提示词|输入|描述|素材|prompt)[^。;\n]{0,16}(?:违规|违法|违禁|不合规|敏感|不当|被拒绝|被拦截|违反|血腥|暴力)",
    "(?:违反|不符合)[^。;\n]{0,12}(?:政策|规定|规范|准则|法律|法规)",
    "콘텐츠[^.\n]{0,20}(?:위반|금지)",
    "정책[^.\n]{0,6}위반",
)
"""Phrases that are used of content, unless something technical is said in the same breath."""
_OTHERS = _any(
    r"rate[\s_-]?(?:limit|policy)",
    "too many requests",
    "requests? per",
    r"tim(?:ed|e)[\s-]?out",
    r"(?:moderation|safety|audit)\w{0,3}(?: service| system)? (?:is |was )?(?:temporarily )?unavailable",
    "quota",
    "balance",
    "billing",
    "payment",
    "recharge",
    r"api[\s_-]?key",
    r"access[\s_-]?(?:key|token)",
    "ip address",
    "(?:this|your) ip",
    r"case[\s_-]?sensitive",
    "signature",
    "credentials?",
    "whitelist|allowlist",
    r"content[\s-](?:type|length|encoding)",
    r"moderation['\"`]? (?:parameter|field|option|must|is not)",
    r"(?:parameter|field|option)['\"`:]{0,3} ['\"`]?moderation",
    "频率|限流|并发|余额|欠费|额度|密钥|令牌|签名|白名单|实名|大小写|잔액|한도|요청이 너무|guthaben|kontingent|レート",
)
"""What is never said of content, whatever stands beside it."""
_ACCOUNT = _any(
    r"^[^.\n]{0,20}\b(?:account|organi[sz]ation|subscription|key|token)\b",
    "^[^。\n]{0,8}(?:账户|账号|帐号|계정)",
)
"""A sentence about an account, whatever it did."""
_FORM = _any(
    r"param(?:eter)?s?\b",
    "field",
    "argument",
    "schema",
    "constraint",
    r"\bsize",
    "resolution",
    "dimension",
    "pixel",
    "format",
    r"\bmime",
    "json",
    r"time[\s-]?out",
    "aspect",
    "ratio",
    "length",
    "too (?:long|large|many|short|big|small)",
    "exceed",
    "maximum|minimum",
    r"\burl\b",
    r"\blinks?\b",
    "download",
    "not found",
    r"\bmodel",
    "charact",
    "required",
    "missing",
    "empty",
    "supported",
    "encoding",
    "header",
    r"\bmethod",
    "region",
    "version",
    "permission",
    "scheme",
    "protocol",
    "value",
    "syntax",
    "account",
    "参数|格式|尺寸|大小|长度|超时|分辨率|像素|字段|字符|模型|账号|账户|链接|크기|형식|größe|länge",
)
_RATE = _any(
    r"rate[\s_-]?limit",
    "too many (?:requests|concurrent|tasks)",
    "requests? per (?:second|minute|hour|day)",
    "too (?:fast|frequent)",
    "slow down",
    r"concurren\w{1,4} (?:limit|request)",
    "throttl",
    "频繁|频率(?:过高|超限|限制)|限流",
    "并发数?(?:超|过|限|上限)",
    "요청이 너무 많",
    "zu viele anfragen",
    "リクエストが多すぎ",
)
_BALANCE = _any(
    "insufficient (?:account )?(?:balance|credits?|quota|funds)",
    "not enough (?:balance|credits?|quota)",
    "out of credits?",
    "(?:balance|credits?|quota|funds) (?:is |are |has been )?"
    "(?:insufficient|not enough|exhausted|used up|depleted|too low)",
    "overdue",
    "in arrears",
    "recharge your",
    "余额(?:不足|已用完)|欠费|额度(?:不足|已用完|用尽)",
    "(?:잔액|크레딧)이? ?부족",
    "guthaben (?:reicht|ist|aufgebraucht)",
    "残高",
)
_KEY = _any(
    r"(?:invalid|incorrect|wrong|expired|missing|unknown|disabled) (?:api[\s_-]?)?"
    r"(?:key|access[\s_-]?token|token|credentials?|signature)",
    r"(?:api[\s_-]?key|access[\s_-]?token)[^.\n]{0,20}"
    "(?:invalid|incorrect|expired|disabled|not valid|required|flagged|revoked)",
    r"\bunauthori[sz]ed|not authori[sz]ed",
    "authentication (?:failed|required|error)",
    "(?:permission|access) denied",
    "密钥(?:无效|错误|过期)|鉴权失败|认证失败|令牌(?:无效|过期|已失效)|未授权|签名错误",
    "키가? ?(?:유효하지|잘못)",
    "인증 ?실패",
)


def topic_of_words(message: str) -> Topic | None:
    """What a sentence is about; None for anything else, such as a field that is wrong."""
    text = message[:MAX_HEARD]
    if speaks_of_content(text):
        return Topic.CONTENT
    topics = ((Topic.BALANCE, _BALANCE), (Topic.RATE, _RATE), (Topic.KEY, _KEY))
    return next((topic for topic, words in topics if words.search(text)), None)


def speaks_of_content(message: str) -> bool:
    """Whether a sentence refuses what was asked for, or what was made, for what it says or shows."""
    text = message[:MAX_HEARD]
    if _OTHERS.search(text) or _ACCOUNT.search(text):
        return False
    if _CONTENT.search(text):
        return True
    return bool(_LIKELY.search(text)) and not _FORM.search(text)
