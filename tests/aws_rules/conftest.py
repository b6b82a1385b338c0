"""The template as CloudFormation gets it."""

import pytest

from local.template import Template, read_template
from local.translation import translate


@pytest.fixture(scope="session")
def translated() -> Template:
    """The translated template with every parameter at its default."""
    return translate(read_template())
