"""Leaves out of a cold start what Powertools' packages import for others: every resolver, every kind of event, asyncio.

A deferred package is importable as always, but its own code, which imports everything that is below it, does not run.
A name that this code would import is taken from where it says, when somebody asks for it; for any other name the code
runs after all. So nothing can be missing: it can only come later.
"""

import importlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_PACKAGES = ("asyncio", "aws_lambda_powertools.event_handler", "aws_lambda_powertools.utilities.data_classes")


class _DeferredPackage(ModuleType):
    """A package whose own code has not run yet."""

    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__(spec.name)
        self.__spec__ = spec
        self.__file__ = spec.origin
        self.__path__ = spec.submodule_search_locations or []
        self._homes: dict[str, str] | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self._homes is None:
            self._homes = _imported_names(self)
        if name in self._homes:
            value = getattr(importlib.import_module(self._homes[name]), name)
            setattr(self, name, value)  # or a submodule of the same name would stand here
            return value
        if importlib.util.find_spec(f"{self.__name__}.{name}"):
            return importlib.import_module(f"{self.__name__}.{name}")
        self._run()
        return getattr(self, name)

    def _run(self) -> None:
        assert self.__spec__ is not None
        assert self.__spec__.loader is not None
        self.__class__ = ModuleType  # type: ignore[assignment]  # from here on it is like any other
        self.__spec__.loader.exec_module(self)


def _imported_names(package: ModuleType) -> dict[str, str]:
    """The names that a package's code imports from its own submodules, and from which."""
    import ast

    assert package.__file__ is not None
    with open(package.__file__, encoding="utf-8") as source:
        statements = ast.parse(source.read()).body
    homes: dict[str, str] = {}
    for statement in statements:
        if isinstance(statement, ast.ImportFrom):
            home = importlib.util.resolve_name("." * statement.level + (statement.module or ""), package.__name__)
            if home.startswith(f"{package.__name__}."):
                homes |= {alias.name: home for alias in statement.names if alias.asname is None}
    return homes


def defer() -> None:
    """Defer what is not loaded yet. Safe to call again."""
    for name in _PACKAGES:
        if name not in sys.modules:
            _defer_package(name)


def _defer_package(name: str) -> None:
    # Found by its place, because asking the import system for it would import what is above it.
    root, _, below = name.partition(".")
    above = importlib.util.find_spec(root)
    if above is None or not above.submodule_search_locations:
        return
    folder = "/".join((above.submodule_search_locations[0], *below.split("."))).rstrip("/")
    spec = importlib.util.spec_from_file_location(name, f"{folder}/__init__.py", submodule_search_locations=[folder])
    if spec is not None:
        sys.modules[name] = _DeferredPackage(spec)
