"""The template as CloudFormation gets it, and what is left of it once the parameters are filled in."""

import pytest

from local.template.reading import Template, read_template
from local.template.resolution import resolve
from local.template.translation import translate


@pytest.fixture(scope="session")
def translated() -> Template:
    """The translated template with every parameter at its default, its functions and conditions still in it."""
    return translate(read_template())


@pytest.fixture(scope="session")
def deployed(translated: Template) -> Template:
    """What a deployment with every parameter at its default consists of, as plain values."""
    return resolve(translated)


@pytest.fixture(scope="session")
def everything(translated: Template) -> Template:
    """What a deployment with everything that can be chosen consists of."""
    chosen = {"DashboardEnabled": "true", "DetailedAlarms": "true", "SnapStart": "PublishedVersions", "Release": "r1"}
    return resolve(translated, {**chosen, "AlarmEmail": "ops@example.com", "DemoProvider": "true"})
