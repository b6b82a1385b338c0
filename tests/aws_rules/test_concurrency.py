"""No queue, and no caller, can take the whole account's concurrency."""

import pytest

from local.template.reading import Template, resources
from local.template.resolution import resolve


def test_every_queue_has_a_most_that_a_parameter_sets(translated: Template) -> None:
    """SQS scales a mapping to more than 1,000 at once; a maximum is from 2 to 1,000 (Lambda, ScalingConfig)."""
    mappings = [
        mapping["Properties"]
        for mapping in resources(translated, "AWS::Lambda::EventSourceMapping").values()
        if mapping["Properties"]["EventSourceArn"]["Fn::GetAtt"][0].endswith("Queue")
    ]
    assert len(mappings) == 5
    named = [mapping["ScalingConfig"]["MaximumConcurrency"]["Ref"] for mapping in mappings]
    assert len(set(named)) == 5
    for name in named:
        parameter = translated["Parameters"][name]
        assert (parameter["MinValue"], parameter["MaxValue"]) == (2, 1000)
        assert 2 <= parameter["Default"] <= 1000


@pytest.mark.parametrize(
    ("parameter", "function"),
    [("CallbackReservedConcurrency", "CallbackFunction"), ("DialectsReservedConcurrency", "DialectsFunction")],
)
def test_concurrency_is_reserved_only_where_it_is_asked_for(
    translated: Template, parameter: str, function: str
) -> None:
    """An account keeps 100 unreserved (Lambda, quotas): one with 10 or 100 in all can't reserve any."""
    plain = resolve(translated)["Resources"][function]["Properties"]
    asked = resolve(translated, {parameter: 20})["Resources"][function]["Properties"]
    assert "ReservedConcurrentExecutions" not in plain
    assert asked["ReservedConcurrentExecutions"] == 20


def test_the_functions_own_url_can_be_left_out(translated: Template) -> None:
    """Many organisations forbid public URLs by a policy, and the whole stack would fail on one."""
    without = resolve(translated, {"StreamingUrl": "false"})
    assert not resources(without, "AWS::Lambda::Url")
    assert "StreamingUrl" not in without["Outputs"]
    anybody = [p for p in resources(without, "AWS::Lambda::Permission").values() if p["Properties"]["Principal"] == "*"]
    assert anybody == []


def test_a_public_url_has_both_rights_that_it_needs(deployed: Template) -> None:
    """Since October 2025 (Lambda Developer Guide, "Control access to Lambda function URLs")."""
    (url,) = resources(deployed, "AWS::Lambda::Url").values()
    assert url["Properties"]["InvokeMode"] == "RESPONSE_STREAM"
    rights = {
        permission["Properties"]["Action"]: permission["Properties"]
        for permission in resources(deployed, "AWS::Lambda::Permission").values()
        if permission["Properties"]["Principal"] == "*"
    }
    assert rights["lambda:InvokeFunctionUrl"]["FunctionUrlAuthType"] == "NONE"
    assert rights["lambda:InvokeFunction"]["InvokedViaFunctionUrl"] is True


def test_what_is_open_to_everybody_has_a_limit_of_its_own(deployed: Template) -> None:
    (stage,) = resources(deployed, "AWS::ApiGatewayV2::Stage").values()
    limits = stage["Properties"]["RouteSettings"]
    assert set(limits) == {"$default", "POST /callbacks/{provider}/{task_id}/{token+}"}
    most = stage["Properties"]["DefaultRouteSettings"]["ThrottlingRateLimit"]
    assert all(limit["ThrottlingRateLimit"] < most for limit in limits.values())
