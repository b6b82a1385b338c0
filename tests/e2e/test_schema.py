"""The API against its own document: whatever the document allows, and much that it does not, never breaks it."""

import json
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from darkroom.api.document import openapi_document
from tests.e2e.conftest import Api

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
schema = schemathesis.openapi.from_dict(json.loads(openapi_document()))


@schema.parametrize()
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_the_api_is_as_its_document_says(case: Any, api: Api) -> None:
    headers = {"authorization": f"Bearer {api.stack.admin_key}"}
    answer = case.call(base_url=api.stack.base_url, headers=headers, timeout=60)
    case.validate_response(answer, checks=CHECKS)
