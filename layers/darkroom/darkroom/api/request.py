"""What `POST /v1/tasks` accepts, checked field by field, and every problem told in one sentence."""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
    field_validator,
)
from pydantic_core import PydanticCustomError

from darkroom.api.errors import ApiError, invalid_field
from darkroom.catalog.geometry import GeometryError, parse_resolution, parse_size
from darkroom.json_nesting import deeper_than
from darkroom.settings import Settings
from darkroom.tasks.request import LONGEST_DEADLINE, Action, ImageRequest, Strategy

MAX_LINK = 4096
MAX_EXTRA_BYTES = 16 * 1024
MAX_EXTRA_NESTING = 8
_DATA_URI = re.compile(r"data:image/(png|jpeg|jpg|webp|gif|bmp|tiff);base64,")

_MOST = {"metadata": 16, "image_urls": 14, "provider": 20}
"""How many entries a field may have."""

MetadataKey = Annotated[StrictStr, Field(min_length=1, max_length=64)]
MetadataValue = Annotated[StrictStr, Field(max_length=512)]


class NewTask(BaseModel):
    """A request to generate or edit images. Unknown fields are refused by name: a typo must not cost money."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="A catalog name (seedream-5.0, seedream-4.5, …) or any name that a provider uses for it.",
        examples=["seedream-4.5"],
    )
    prompt: Annotated[str, Field(min_length=1, max_length=4000)] = Field(
        description="What to make, 1 to 4000 characters.",
        examples=["a lighthouse in a snow storm, oil on canvas"],
    )
    action: Literal["generate", "edit"] = Field("generate", description="`edit` needs an image.")
    image_urls: Annotated[list[StrictStr], Field(max_length=14)] = Field(
        default_factory=list,
        description=(
            "Reference images: http(s) links, each up to 10 MB; or data URIs, of which a request carries about 4.6 MB "
            "of image in all (6.2 MB of body)."
        ),
    )
    size: Annotated[str, Field(max_length=40)] | None = Field(
        None, description="A ratio (16:9), a class (1K, 2K, 3K, 4K), WIDTHxHEIGHT, or adaptive. Default 1:1."
    )
    resolution: Annotated[str, Field(max_length=10)] | None = Field(
        None, description="1K, 2K, 3K or 4K; with a ratio it fixes the pixels. Default: the model's."
    )
    n: Annotated[StrictInt, Field(ge=1, le=15)] = Field(1, description="How many images; with references at most 15.")
    watermark: StrictBool = True
    seed: Annotated[StrictInt, Field(ge=-1, le=2147483647)] = Field(-1, description="-1 is random.")
    guidance_scale: Annotated[float, Field(ge=1, le=10, allow_inf_nan=False, strict=False)] | None = None
    output_format: Literal["jpeg", "png"] | None = Field(None, description="For models that have it. Default jpeg.")
    optimize_prompt: Literal["standard", "fast"] = "standard"
    web_search: StrictBool = False
    provider: StrictStr | Annotated[list[StrictStr], Field(min_length=1, max_length=20)] | None = Field(
        None, description="Pins one provider, or orders several."
    )
    strategy: Literal["cheapest", "fastest", "listed"] = "cheapest"
    callback_url: StrictStr | None = Field(None, description="Your webhook: https, public, up to 2048 characters.")
    deadline_seconds: Annotated[StrictInt, Field(ge=10, le=LONGEST_DEADLINE)] | None = Field(
        None, description="How long the task may take, 10 to 86400 seconds. Default: the deployment's, half an hour."
    )
    metadata: Annotated[dict[MetadataKey, MetadataValue], Field(max_length=16)] = Field(default_factory=dict)
    extra: dict[StrictStr, Any] = Field(
        default_factory=dict, description="Options of the provider's own: `response_format` at qingbo and acedata."
    )

    @field_validator("prompt")
    @classmethod
    def _says_something(cls, prompt: str) -> str:
        if not prompt.strip():
            raise _problem("must not be blank")
        return prompt

    @field_validator("guidance_scale", mode="before")
    @classmethod
    def _is_number(cls, value: Any) -> Any:
        if isinstance(value, (bool, str)):
            raise _problem("must be a number from 1 to 10")
        return value

    @field_validator("size")
    @classmethod
    def _is_size(cls, size: str | None) -> str | None:
        return _geometry(parse_size, size)

    @field_validator("resolution")
    @classmethod
    def _is_resolution(cls, resolution: str | None) -> str | None:
        return _geometry(parse_resolution, resolution)

    @field_validator("image_urls")
    @classmethod
    def _are_references(cls, urls: list[str]) -> list[str]:
        for place, url in enumerate(urls):
            problem = _reference_problem(url)
            if problem:
                raise _problem(problem, place)
        return urls

    @field_validator("provider")
    @classmethod
    def _are_providers(cls, provider: str | list[str] | None) -> str | list[str] | None:
        names = [provider] if isinstance(provider, str) else provider or []
        if any(not name for name in names):
            raise _problem("must name a provider")
        if len(set(names)) != len(names):
            raise _problem("must name each provider once")
        return provider

    @field_validator("extra")
    @classmethod
    def _is_small(cls, extra: dict[str, Any]) -> dict[str, Any]:
        text = json.dumps(extra).encode()
        if len(text) > MAX_EXTRA_BYTES:
            raise _problem(f"must have at most {MAX_EXTRA_BYTES} bytes as JSON")
        if deeper_than(text, MAX_EXTRA_NESTING):
            raise _problem(f"must be nested at most {MAX_EXTRA_NESTING} levels deep")
        return extra

    def to_request(self) -> ImageRequest:
        """The request in the domain's form."""
        providers = [self.provider] if isinstance(self.provider, str) else self.provider or []
        given = {name: getattr(self, name) for name in ImageRequest.__slots__ if name in NewTask.model_fields}
        other_types = {
            "action": Action(self.action),
            "image_urls": tuple(self.image_urls),
            "providers": tuple(providers),
            "strategy": Strategy(self.strategy),
        }
        return ImageRequest(**{**given, **other_types})


def read_request(body: Mapping[str, Any], settings: Settings) -> ImageRequest:
    """The request in a body. Raises `ApiError` (422) for the first field that can't be accepted."""
    for name, most in _MOST.items():
        # Counted before each part is looked at: half a million parts would take more memory than the function has.
        if isinstance(given := body.get(name), dict | list) and len(given) > most:
            raise invalid_field(f"{name} must have at most {most} entries, not {len(given)}", name)
    if unknown := next((name for name in body if name not in NewTask.model_fields), None):
        raise invalid_field(_unknown(unknown, NewTask), unknown[:200])
    try:
        task = NewTask.model_validate(body)
    except ValidationError as error:
        raise refused_field(error, NewTask) from error
    if task.callback_url is not None:
        _check_callback_url(task.callback_url, settings)
    return task.to_request()


def fingerprint(body: Mapping[str, Any]) -> str:
    """The digest of a body as it was given; the order of fields and white space do not matter."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _check_callback_url(url: str, settings: Settings) -> None:
    from darkroom.http.addresses import check_webhook_url

    try:
        check_webhook_url(url, local_mode=settings.local_mode)
    except ValueError as error:
        raise invalid_field(f"callback_url {error}", "callback_url") from error
    inbox = f"{settings.demo_base_url}/demo/inbox/"
    own = {_origin(settings.public_url), _origin(settings.demo_base_url)} - {None}
    if _origin(url) in own and not (settings.demo_base_url and url.startswith(inbox)):
        raise invalid_field("callback_url is an address of this API itself: give the one of your app", "callback_url")


def _origin(url: str) -> tuple[str, int] | None:
    """Host and port of an address, or None without one."""
    parts = urlsplit(url)
    if not parts.hostname:
        return None
    return parts.hostname.rstrip(".").lower(), parts.port or (443 if parts.scheme == "https" else 80)


def refused_field(error: ValidationError, model: type[BaseModel]) -> ApiError:
    """The first problem that a model found, as a sentence with its field."""
    problems = error.errors(include_url=False, include_input=False)
    # An unknown field comes first: it is often the misspelt form of the one that is then said to be missing.
    first = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])
    place = [part for part in first["loc"] if part not in _UNION_BRANCHES]
    if "place" in first.get("ctx", {}):
        place.append(first["ctx"]["place"])
    param = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
    if first["type"] == "extra_forbidden":
        name = str(first["loc"][-1])
        return invalid_field(_unknown(name, model), (param or name)[:200])
    if first["type"] == "missing":
        return invalid_field(f"{param} is required", param)
    message = first["msg"].removeprefix("Value error, ")
    return invalid_field(f"{param[:200]}: {message[:1].lower()}{message[1:]}", param[:200])


_UNION_BRANCHES = frozenset(
    {
        "str",
        "[key]",
        "constrained-str",
        "float",
        "list[str]",
        "list[constrained-str]",
        "function-after[_is_size(), str]",
    }
)


def _unknown(name: str, model: type[BaseModel]) -> str:
    import difflib

    near = difflib.get_close_matches(name[:80], model.model_fields, n=1)
    elsewhere = "; a provider's own options go under 'extra'" if "extra" in model.model_fields else ""
    hint = f": did you mean {near[0]!r}?" if near else elsewhere
    return f"unknown field {name[:80]!r}{hint}"


def _problem(message: str, place: int | None = None) -> PydanticCustomError:
    context = {} if place is None else {"place": place}
    return PydanticCustomError("rule", message, context)


def _geometry(parse: Any, text: str | None) -> str | None:
    if text is not None:
        try:
            parse(text)
        except GeometryError as error:
            raise PydanticCustomError("rule", "{reason}", {"reason": str(error)}) from error
    return text


def _reference_problem(url: str) -> str | None:
    """What is wrong with a reference image, if anything is."""
    if url.startswith("data:"):
        header = _DATA_URI.match(url)
        if not header:
            return "must be data:image/(png|jpeg|webp|gif|bmp|tiff);base64,…"
        try:
            empty = not base64.b64decode(url[header.end() :], validate=True)
        except (binascii.Error, ValueError):
            return "must be valid base64"
        return "must not be empty" if empty else None
    if len(url) > MAX_LINK:
        return f"must have at most {MAX_LINK} characters"
    from darkroom.http.addresses import check_url
    from darkroom.http.errors import AddressRefused

    try:
        check_url(url, allow_loopback=True)
    except AddressRefused as error:
        return f"must be an http(s) link or a data URI: {error}"
    return None
