"""The demo's two providers (darkroom/demo): they speak evolink's words."""

from collections.abc import Mapping, Sequence

from darkroom.adapters.answers import read_query
from darkroom.adapters.base import Ticket, Upstream, UpstreamRequest
from darkroom.adapters.evolink import Evolink, read_task
from darkroom.domain.update import Update


class Demo(Evolink):
    """The adapter of the demo's first provider."""

    name = "demo"

    def query(self, tickets: Sequence[Ticket], upstream: Upstream) -> Mapping[str, Update]:
        """Read one task. It takes no key but its id, which nobody can guess."""
        found = {}
        for ticket in tickets:
            answer = upstream.send(UpstreamRequest("GET", f"/v1/tasks/{ticket.upstream_id}"))
            found[ticket.upstream_id] = read_task(self.name, read_query(self.name, answer))
        return found


class DemoB(Demo):
    """The adapter of the second, to which a task goes when the first refuses it."""

    name = "demo-b"
