"""The OpenAPI document is what the code says."""

import json
import re

from openapi_spec_validator import validate

from darkroom.api.document import openapi_document
from local.openapi.document import rendered
from local.template.reading import read_template, resources


def test_the_document_is_up_to_date() -> None:
    assert openapi_document() == rendered(), "run `make openapi`"


def test_the_document_is_valid_openapi() -> None:
    validate(json.loads(openapi_document()))


def test_every_route_of_the_template_is_described_and_no_other() -> None:
    routes = resources(read_template(), "AWS::ApiGatewayV2::Route").values()
    declared = {route["Properties"]["RouteKey"] for route in routes} - {"$default"}
    declared = {key for key in declared if not key.startswith("ANY ")}  # the dialects are described by their owners
    declared = {key for key in declared if "/callbacks/{provider}" not in key}
    described = {
        f"{method.upper()} {path}"
        for path, calls in json.loads(openapi_document())["paths"].items()
        for method in calls
        if method != "parameters"
    }
    assert described == declared


def test_every_call_has_a_name_of_its_own() -> None:
    names = re.findall(r'"operationId": "(\w+)"', openapi_document())
    assert len(names) == len(set(names)) == 47


def test_every_call_says_what_it_does_and_how_it_is_refused() -> None:
    document = json.loads(openapi_document())
    assert document["info"]["license"]["identifier"]
    for path, calls in document["paths"].items():
        for method in calls.keys() - {"parameters"}:
            described = calls[method]
            assert described["description"].endswith("."), f"{method} {path}"
            assert described["tags"], f"{method} {path}"
            assert any(status.startswith("4") for status in described["responses"]), f"{method} {path}"
