"""Who is asked and who is told: a person at a terminal, or a pipeline by its environment."""

import getpass
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

NOTHING = "-"
"""What a person types for 'none', where Enter would keep what is there."""


class GaveUp(Exception):
    """The deployment can't go on; the message says why, and what would help."""


@dataclass
class Guide:
    """Asks questions, unless the environment has answered them."""

    environment: Mapping[str, str]
    interactive: bool
    ask: Callable[[str], str] = input
    ask_secret: Callable[[str], str] = getpass.getpass
    told: list[str] = field(default_factory=list)

    @property
    def watched(self) -> bool:
        """Whether what is told is read by a person and kept by nobody: a terminal, and no pipeline's settings."""
        return self.interactive and not self.in_pipeline and self.environment.get("DARKROOM_YES") != "1"

    @property
    def in_pipeline(self) -> bool:
        """Whether a CI system runs this: they all set CI."""
        return self.environment.get("CI", "").lower() not in {"", "0", "false"}

    def answer(self, name: str, question: str, default: str = "", *, secret: bool = False) -> str:
        """What the environment says under this name (even nothing), else what a person says, else the default."""
        if name in self.environment:
            return self.environment[name]
        if not self.interactive:
            return default
        hint = f" [{default}, {NOTHING} for none]" if default else ""
        said = (self.ask_secret if secret else self.ask)(f"{question}{hint}: ").strip()
        return "" if said == NOTHING else said or default

    def decided(self, name: str, question: str, *, default: bool) -> bool:
        """Yes or no: by the environment ('true', 'yes', '1' are yes), by a person, or the default."""
        said = self.answer(name, f"{question} ({'Y/n' if default else 'y/N'})", "").lower()
        return default if not said else said in {"true", "yes", "y", "1"}

    def confirmed(self, question: str) -> bool:
        """Whether it shall be done."""
        if self.environment.get("DARKROOM_YES") == "1":
            return True
        return self.interactive and self.ask(f"{question} [y/N]: ").strip().lower() in {"y", "yes"}

    def tell(self, line: str) -> None:
        """Say what is done."""
        self.told.append(line)
        print(line, flush=True)
