"""The demo's two providers (darkroom/demo): they speak evolink's words."""

from darkroom.providers.base import Ticket, Upstream, UpstreamRequest
from darkroom.providers.evolink import Evolink


class Demo(Evolink):
    """The adapter of the demo's first provider."""

    name = "demo"

    def _look(self, ticket: Ticket, upstream: Upstream) -> UpstreamRequest:
        """It takes no key but the task's id, which nobody can guess."""
        del upstream
        return UpstreamRequest("GET", f"/v1/tasks/{ticket.upstream_id}")


class DemoB(Demo):
    """The adapter of the second, to which a task goes when the first refuses it."""

    name = "demo-b"
