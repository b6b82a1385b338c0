"""A recorded task made into the generation request that a provider's adapter submits."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from darkroom.aws.forward_compatibility import field_names
from darkroom.callbacks.address import CallbackAddresses
from darkroom.catalog.geometry import GeometryError, express
from darkroom.catalog.models import Catalog
from darkroom.catalog.provider_options import taken_options
from darkroom.catalog.routing import shape_of
from darkroom.images.object_store import STORED
from darkroom.providers.base import GenerationRequest, Refused
from darkroom.tasks.failure import Disposition, ErrorCode, Failure
from darkroom.tasks.request import ImageRequest
from darkroom.tasks.task import Task

if TYPE_CHECKING:
    from darkroom.providers.adapter import Adapter


_SETTLED_HERE = {"image_urls", "callback_url", "extra"}
_PASSED_ON = (field_names(GenerationRequest) & field_names(ImageRequest)) - _SETTLED_HERE
"""What is passed on under the same name."""


class ReferenceLinks(Protocol):
    """Signs links to references that lie in our bucket."""

    def __call__(self, key: str) -> str:
        """A link to the object at `key`."""
        ...


class RequestBuilder:
    """Builds generation requests. Raises `Refused` where the catalog no longer has what the task was planned for."""

    def __init__(
        self,
        *,
        catalog: Callable[[], Catalog],
        adapters: "Callable[[str, str], Adapter]",
        addresses: CallbackAddresses,
        reference_link: ReferenceLinks,
    ) -> None:
        self._catalog = catalog
        self._adapters = adapters
        self._addresses = addresses
        self._reference_link = reference_link

    def build(self, task: Task) -> GenerationRequest:
        """The request for the task's offer in line."""
        request = task.request
        planned = task.offer
        catalog = self._catalog()
        if not catalog.enabled(planned.provider):
            raise Refused(_switched_off(planned.provider))
        offer = catalog.offer(planned.provider, planned.upstream_model)
        if offer is None:
            raise Refused(_gone(planned.provider))
        try:
            shape = express(shape_of(request), offer.forms)
        except GeometryError as error:
            raise Refused(_gone(planned.provider)) from error
        protocol = task.attempt.protocol if task.attempt else ""
        adapter = self._adapters(planned.provider, protocol)
        settled: dict[str, Any] = {
            "upstream_model": planned.upstream_model,
            "shape": shape,
            "image_urls": tuple(self._readable(url) for url in request.image_urls),
            "callback_url": "" if planned.synchronous else self._addresses.for_submission(adapter, task),
            "synchronous": planned.synchronous,
            "extra": taken_options(protocol or planned.provider, request.extra),
        }
        return GenerationRequest(**{name: getattr(request, name) for name in _PASSED_ON}, **settled)

    def _readable(self, url: str) -> str:
        return self._reference_link(url.removeprefix(STORED)) if url.startswith(STORED) else url


def _switched_off(provider: str) -> Failure:
    return Failure(ErrorCode.PROVIDER_UNAVAILABLE, f"{provider} is switched off here.", Disposition.ELSEWHERE)


def _gone(provider: str) -> Failure:
    return Failure(
        ErrorCode.PROVIDER_UNAVAILABLE,
        f"{provider} no longer offers what was asked for.",
        Disposition.ELSEWHERE,
    )
