"""A recorded task made into the order that a provider's adapter submits."""

from collections.abc import Callable
from typing import Protocol

from darkroom.callbacks.address import CallbackAddresses
from darkroom.catalog.geometry import GeometryError, express
from darkroom.catalog.models import Catalog
from darkroom.catalog.provider_options import taken_options
from darkroom.catalog.routing import shape_of
from darkroom.images.object_store import STORED
from darkroom.providers.base import Adapter, GenerationRequest, Refused
from darkroom.tasks.failure import Disposition, ErrorCode, Failure
from darkroom.tasks.task import Task


class ReferenceLinks(Protocol):
    """Signs links to references that lie in our bucket."""

    def __call__(self, key: str) -> str:
        """A link to the object at `key`."""
        ...


class RequestBuilder:
    """Builds orders. Raises `Refused` where the catalog no longer has what the task was planned for."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        adapters: Callable[[str], Adapter],
        addresses: CallbackAddresses,
        reference_link: ReferenceLinks,
    ) -> None:
        self._catalog = catalog
        self._adapters = adapters
        self._addresses = addresses
        self._reference_link = reference_link

    def order(self, task: Task) -> GenerationRequest:
        """The order for the task's offer in line."""
        request = task.request
        planned = task.offer
        offer = self._catalog.offer(planned.provider, planned.upstream_model)
        if offer is None:
            raise Refused(_gone(planned.provider))
        try:
            shape = express(shape_of(request), offer.forms)
        except GeometryError as error:
            raise Refused(_gone(planned.provider)) from error
        adapter = self._adapters(planned.provider)
        return GenerationRequest(
            upstream_model=planned.upstream_model,
            prompt=request.prompt,
            shape=shape,
            action=request.action,
            image_urls=tuple(self._readable(url) for url in request.image_urls),
            n=request.n,
            watermark=request.watermark,
            seed=request.seed,
            guidance_scale=request.guidance_scale,
            output_format=request.output_format,
            optimize_prompt=request.optimize_prompt,
            web_search=request.web_search,
            callback_url="" if planned.synchronous else self._addresses.for_order(adapter, task),
            synchronous=planned.synchronous,
            extra=taken_options(planned.provider, request.extra),
        )

    def _readable(self, url: str) -> str:
        return self._reference_link(url.removeprefix(STORED)) if url.startswith(STORED) else url


def _gone(provider: str) -> Failure:
    return Failure(
        ErrorCode.PROVIDER_UNAVAILABLE,
        f"{provider} no longer offers what was asked for.",
        Disposition.ELSEWHERE,
    )
