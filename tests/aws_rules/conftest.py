"""The template as CloudFormation gets it."""

import pytest

from local.template import Template, read_template, resources
from local.translation import translate

_UPLOADED = {"Bucket": "artifacts", "Key": "0.zip"}


@pytest.fixture(scope="session")
def translated() -> Template:
    """The translated template with every parameter at its default, as after its code was uploaded."""
    template = read_template()
    for layer in resources(template, "AWS::Serverless::LayerVersion").values():
        layer["Properties"]["ContentUri"] = _UPLOADED
    for function in resources(template, "AWS::Serverless::Function").values():
        function["Properties"]["CodeUri"] = _UPLOADED
    return translate(template)
