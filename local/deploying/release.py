"""The name of a release: the same for the same code and parameters, another one for any other."""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path


def release_of(folders: Iterable[Path], template: Path, parameters: Mapping[str, str]) -> str:
    """A hash over what is uploaded, the template and every parameter but the release itself: 16 hex digits.

    Lambda publishes a version only of a function that changed
    (https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html), and SAM takes no notice of a changed
    layer or parameter (aws/serverless-application-model#3610, #3820). The release is a setting of every function, so
    that any change of any of them reaches all of them at once.
    """
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            executable = path.stat().st_mode & 0o100
            digest.update(f"{folder.name}/{path.relative_to(folder)} {executable}\n".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    digest.update(template.read_bytes())
    kept = {name: value for name, value in parameters.items() if name != "Release"}
    digest.update(json.dumps(kept, sort_keys=True).encode())
    return digest.hexdigest()[:16]


def without_caches(functions: Path) -> None:
    """Take out of the functions' folders what running their tests left there: it would be uploaded with them."""
    for cache in functions.rglob("__pycache__"):
        shutil.rmtree(cache, ignore_errors=True)
