"""The catalog's parts of each function: its rows, its editor, and how the offers do.

Imports stand inside the functions on purpose: a cold start pays only for the parts of the one function it starts.
"""

from functools import cache
from typing import TYPE_CHECKING

from darkroom.aws import clients
from darkroom.clock import now
from darkroom.container_stores import StoreContainer

if TYPE_CHECKING:
    from darkroom.catalog.breaker_store import Breakers
    from darkroom.catalog.current import CurrentCatalog
    from darkroom.catalog.editing import CatalogEditor
    from darkroom.catalog.models import Catalog
    from darkroom.catalog.score_store import ScoreStore
    from darkroom.catalog.scorecard import Scorecard
    from darkroom.catalog.store import CatalogStore


class CatalogContainer(StoreContainer):
    """One function's parts of the catalog."""

    @cache  # noqa: B019
    def catalog_store(self) -> "CatalogStore":
        """The deployment's own rows of the catalog."""
        from darkroom.catalog.store import CatalogStore

        return CatalogStore(clients.dynamodb(), self.settings.accounts_table)

    @cache  # noqa: B019
    def catalog_editor(self) -> "CatalogEditor":
        """Changes the catalog's rows."""
        from darkroom.catalog.editing import CatalogEditor
        from darkroom.catalog.shipped import rows_of

        return CatalogEditor(self.catalog_store(), rows_of(self.settings), now)

    @cache  # noqa: B019
    def catalog(self) -> "CurrentCatalog":
        """The catalog in force."""
        from darkroom.aws.secrets import forget_secrets
        from darkroom.catalog.current import CurrentCatalog

        # A new provider comes with a credential that was not there when the secret was last read.
        return CurrentCatalog(self.catalog_store, self.settings, now, changed=forget_secrets)

    def catalog_in_force(self) -> "Catalog":
        """The catalog as it is now."""
        return self.catalog()()

    def former_address(self, provider: str) -> str:
        """Where a provider of the release was before a deployment could have rows of its own; empty for no such one."""
        from darkroom.catalog.shipped import rows_of

        row = rows_of(self.settings)["providers"].get(provider)
        return str(row["base_url"]) if row else ""

    @cache  # noqa: B019
    def scores(self) -> "ScoreStore":
        """How the offers did."""
        from darkroom.catalog.score_store import ScoreStore

        return ScoreStore(clients.dynamodb(), self.settings.accounts_table)

    @cache  # noqa: B019
    def breakers(self) -> "Breakers":
        """The providers' circuit breakers."""
        from darkroom.catalog.breaker_store import Breakers

        return Breakers(clients.dynamodb(), self.settings.accounts_table, clock=now, scale=self.settings.time_scale)

    @cache  # noqa: B019
    def scorecard(self) -> "Scorecard":
        """What is known of the offers."""
        from darkroom.catalog.scorecard import Scorecard

        return Scorecard(scores=self.scores, breakers=self.breakers, catalog=self.catalog_in_force, clock=now)
