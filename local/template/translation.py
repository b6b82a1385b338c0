"""The template as AWS gets it: SAM's own translator turns it into plain CloudFormation."""

import copy
import json
import os
import subprocess
from collections.abc import Mapping

from local.paths import EMULATOR_ENVIRONMENT, TEMPLATE, WORK
from local.stack.emulator import REGION, ROOT_KEY
from local.template.reading import Template, resources

_TRANSLATE = """
import json, sys
from samtranslator.translator.transform import transform
from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader

class NoManagedPolicies(ManagedPolicyLoader):
    def __init__(self): self._policy_map = {}
    def load(self): return self._policy_map

template, parameters = json.load(sys.stdin)
json.dump(transform(template, parameters, NoManagedPolicies()), sys.stdout)
"""


class TranslationFailed(Exception):
    """The translator refused the template; the message says why."""


def translate(template: Template, parameters: Mapping[str, str] | None = None) -> Template:
    """The SAM template as plain CloudFormation, with these parameters, else their defaults.

    Folders of code that were not uploaded yet are named as if they were. The translator runs in the emulator's
    environment, which is where it is installed.
    Raises `TranslationFailed`.
    """
    defaults = {name: entry["Default"] for name, entry in template["Parameters"].items() if "Default" in entry}
    given = json.dumps([_uploaded(template), {**defaults, **(parameters or {})}])
    command = [str(EMULATOR_ENVIRONMENT / "bin" / "python"), "-c", _TRANSLATE]
    environment = {
        "AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": ROOT_KEY, "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        "PATH": os.defpath, "HOME": str(WORK),
    }  # fmt: skip
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise TranslationFailed(f"{TEMPLATE.name} could not be translated:\n{done.stderr[-2000:]}")
    translated: Template = json.loads(done.stdout)
    return translated


def _uploaded(template: Template) -> Template:
    placed = copy.deepcopy(template)
    for kind, name in (("AWS::Serverless::Function", "CodeUri"), ("AWS::Serverless::LayerVersion", "ContentUri")):
        for resource in resources(placed, kind).values():
            place = resource["Properties"][name]
            if isinstance(place, str) and not place.startswith("s3://"):
                resource["Properties"][name] = f"s3://artifacts/{place}"
    return placed
