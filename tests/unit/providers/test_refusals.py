"""What refusals mean: real messages of providers and of gateways like them, in the languages they come in."""

import json

import pytest

from darkroom.providers.base import Refused
from darkroom.providers.reading.refusal_codes import Topic, topic_of_code
from darkroom.providers.reading.refusal_words import topic_of_words
from darkroom.providers.reading.refusals import classify
from darkroom.providers.registry import PROTOCOLS, adapter
from darkroom.tasks.failure import Disposition, ErrorCode
from tests.unit.providers.samples import ScriptedUpstream
from tests.unit.providers.test_conformance import order

CONTENT = [
    "Your request was rejected as a result of our safety system. Your prompt may contain text that is not allowed by our safety system.",
    "Your request was rejected by the safety system. If you believe this is an error, contact us at help.openai.com.",
    "rejected by our safety system",
    "This request has been blocked by our content filters.",
    "blocked because of copyright restrictions",
    "The request failed because the input text may contain sensitive information. Request id: 0217",
    "The request failed because the output image may contain sensitive information.",
    "The request failed because the output image may be related to copyright restrictions.",
    "The prompt violates our content policy. Repeated violations may lead to suspension of your account.",
    "the prompt violates our policy",
    "Content flagged by moderation",
    "Output blocked due to NSFW content",
    "The generated image was flagged as unsafe",
    "Prompt contains prohibited words",
    "The image contains nudity",
    "sensitive content",
    "Input data may contain inappropriate content.",
    "This content may violate our usage policies",
    "Prompt was rejected: violence against a public figure",
    "Bad prompt: policy violation",
    "Text moderation failed",
    "输入内容包含敏感信息",
    "输入的文本可能包含敏感信息，请更换提示词后重试",
    "提示词包含违规内容，请修改后重试",
    "图片未通过安全审核",
    "内容审核不通过",
    "生成结果涉嫌侵权，请更换提示词",
    "内容违反相关法律法规",
    "콘텐츠 정책을 위반했습니다",
    "안전 시스템에 의해 거부되었습니다",
    "부적절한 내용이 포함되어 있습니다",
    "Die Anfrage verstößt gegen unsere Inhaltsrichtlinien",
    "Vom Sicherheitssystem abgelehnt",
    "Die Eingabe enthält unangemessene Inhalte",
    "コンテンツポリシーに違反しています",
    "不適切な内容が含まれています",
    "Votre demande enfreint notre politique de contenu",
    "La solicitud infringe la política de contenido",
]  # fmt: skip
OTHERS = [
    "your request violates the rate limit",
    "access prohibited from this IP",
    "key flagged as unsafe",
    "names are case-sensitive",
    "Rate policy violation, retry later",
    "request timed out waiting for moderation service",
    "Moderation service is unavailable",
    "deprecated parameter: moderation",
    "callback_url is not allowed to be private",
    "账户被冻结，违反平台规定",
    "model names are case sensitive, use seedream-4-5",
    "constraint violation: size",
    "The request violates the constraint: size must be one of 1K, 2K, 4K",
    "API key flagged as unsafe and revoked",
    "Account suspended: it violates our terms of service",
    "Your account has been disabled for violating our usage policies",
    "Prohibited: your IP address is not in the allowlist",
    "image format prohibited: use png or jpeg",
    "Content-Type application/xml is prohibited",
    "prompt contains illegal characters",
    "the parameter 'moderation' is not supported",
    "The text is too long and violates the maximum length of 2000 characters",
    "reference image is not allowed for this model",
    "image url is not allowed to redirect",
    "Insufficient balance, please recharge",
    "Too many requests, please slow down",
    "Unsupported image size 17x17",
    "invalid value for field n",
    "unsafe port in callback_url",
    "You exceeded your current quota, please check your plan and billing details",
    "请求过于频繁，违反频率限制",
    "参数 size 不合规",
    "账号因违规被封禁",
    "图片大小违规，不得超过10MB",
    "余额不足",
    "字段名大小写敏感",
    "실명 인증이 필요합니다",
    "잔액이 부족합니다",
    "요청 한도를 초과했습니다",
    "Das Guthaben reicht nicht aus",
    "Das Format des Bildes ist unzulässig",
]  # fmt: skip


@pytest.mark.parametrize("sentence", CONTENT)
def test_a_refusal_of_content_is_one_in_every_language(sentence: str) -> None:
    for status in (400, 403, 422):
        failure = classify("evolink", status, "", sentence)
        assert (failure.code, failure.disposition) == (ErrorCode.CONTENT_POLICY, Disposition.FINAL)


@pytest.mark.parametrize("sentence", OTHERS)
@pytest.mark.parametrize("status", [400, 401, 402, 403, 422, 429, 503])
def test_no_rate_limit_key_balance_or_field_reads_as_content(sentence: str, status: int) -> None:
    assert classify("evolink", status, "", sentence).code is not ErrorCode.CONTENT_POLICY


@pytest.mark.parametrize("sentence", CONTENT)
def test_a_status_that_says_what_it_is_about_is_believed_before_words(sentence: str) -> None:
    assert classify("qingbo", 429, "", sentence).code is ErrorCode.RATE_LIMITED
    assert classify("qingbo", 401, "", sentence).code is ErrorCode.PROVIDER_AUTH
    assert classify("qingbo", 402, "", sentence).code is ErrorCode.INSUFFICIENT_CREDITS


CODES = {
    "InputTextSensitiveContentDetected": Topic.CONTENT,
    "InputImageSensitiveContentDetected.PrivacyInformation": Topic.CONTENT,
    "OutputImageSensitiveContentDetected": Topic.CONTENT,
    "OutputImageRiskDetection": Topic.CONTENT,
    "InputTextRiskDetection": Topic.CONTENT,
    "SensitiveContentDetected.SevereViolation": Topic.CONTENT,
    "content_policy_violation": Topic.CONTENT,
    "CONTENT_POLICY_VIOLATION": Topic.CONTENT,
    "moderation_blocked": Topic.CONTENT,
    "content_filter": Topic.CONTENT,
    "ResponsibleAIPolicyViolation": Topic.CONTENT,
    "DataInspectionFailed": Topic.CONTENT,
    "sensitive_words_detected": Topic.CONTENT,
    "image_generation_user_error.safety": Topic.CONTENT,
    "rate_limit_exceeded": Topic.RATE,
    "RateLimitExceeded.EndpointRPMExceeded": Topic.RATE,
    "RequestBurstTooFast": Topic.RATE,
    "ServerOverloaded": Topic.RATE,
    "too_many_requests": Topic.RATE,
    "insufficient_quota": Topic.BALANCE,
    "AccountOverdueError": Topic.BALANCE,
    "used_up": Topic.BALANCE,
    "AuthenticationError": Topic.KEY,
    "invalid_api_key": Topic.KEY,
    "AccessDenied": Topic.KEY,
    "invalid_parameters": None,
    "InvalidParameter": None,
    "case_sensitive_name": None,
    "model_not_found": None,
    "": None,
}


@pytest.mark.parametrize("code", CODES)
def test_a_documented_code_is_known_in_any_case(code: str) -> None:
    for written in (code, code.lower(), code.upper(), code.replace("_", "-")):
        assert topic_of_code(written) is CODES[code]


@pytest.mark.parametrize(
    ("sentence", "topic"),
    [
        ("Insufficient balance, please recharge", Topic.BALANCE),
        ("余额不足", Topic.BALANCE),
        ("Too many requests, please slow down", Topic.RATE),
        ("请求过于频繁", Topic.RATE),
        ("invalid api key", Topic.KEY),
        ("Incorrect API key provided", Topic.KEY),
        ("鉴权失败", Topic.KEY),
        ("size must be one of 1K, 2K, 4K", None),
    ],
)
def test_a_400_without_a_code_goes_by_its_words(sentence: str, topic: Topic | None) -> None:
    assert topic_of_words(sentence) is topic


def test_a_code_weighs_more_than_words_and_a_status() -> None:
    assert classify("acedata", 429, "content_policy_violation", "slow down").code is ErrorCode.CONTENT_POLICY
    assert classify("acedata", 400, "rate_limit_exceeded", "unsafe content").code is ErrorCode.RATE_LIMITED
    assert classify("acedata", 429, "insufficient_quota", "").code is ErrorCode.INSUFFICIENT_CREDITS
    assert classify("acedata", 503, "", "moderation is down").code is ErrorCode.PROVIDER_UNAVAILABLE


SENTENCE = "the fox is too quick for this field"
FORMS = [
    {"error": {"code": "x", "message": SENTENCE}},
    {"error": {"error": {"message": SENTENCE}}},
    {"error": SENTENCE},
    {"message": SENTENCE},
    {"msg": SENTENCE, "code": 400},
    {"code": 400, "msg": "error", "data": {"error": {"message": SENTENCE}}},
    {"detail": SENTENCE},
    {"detail": [{"loc": ["body", "size"], "msg": SENTENCE, "type": "value_error"}]},
    {"errors": [{"message": SENTENCE}]},
    {"errors": [SENTENCE]},
    {"error_msg": SENTENCE},
    {"errorMessage": SENTENCE, "errorCode": "x"},
    {"Message": SENTENCE},
    {"error": json.dumps({"message": SENTENCE})},
    {"ResponseMetadata": {"Error": {"Code": "x", "Message": SENTENCE}}},
    {"success": False, "message": SENTENCE},
    {"data": {"err_msg": SENTENCE}},
    {"reason": SENTENCE},
    {"title": "Bad Request", "detail": SENTENCE, "status": 400},
]  # fmt: skip


@pytest.mark.parametrize("provider", PROTOCOLS)
@pytest.mark.parametrize("form", FORMS, ids=",".join)
def test_the_providers_own_sentence_reaches_the_owner_whatever_its_envelope(
    provider: str, form: dict[str, object]
) -> None:
    with pytest.raises(Refused) as caught:
        adapter(provider).submit(order(provider), ScriptedUpstream((400, json.dumps(form).encode())))
    assert SENTENCE in caught.value.failure.message
    assert caught.value.failure.code is ErrorCode.INVALID_REQUEST
