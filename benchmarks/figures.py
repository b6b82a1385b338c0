"""One line of the table that `make bench` ends with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, what it came to, what it should, and whether it does."""

    subject: str
    value: str
    target: str
    met: bool

    @property
    def verdict(self) -> str:
        """Whether the target is met, in a word."""
        return "met" if self.met else "MISSED"


def at_most(subject: str, value: float, target: float, unit: str = "") -> Figure:
    """A figure that should not be above its target."""
    return Figure(subject, f"{value:.2f}{unit}", f"<= {target:g}{unit}", value <= target)


def at_least(subject: str, value: float, target: float, unit: str = "") -> Figure:
    """A figure that should not be below its target."""
    return Figure(subject, f"{value:.2f}{unit}", f">= {target:g}{unit}", value >= target)


def print_table(figures: list[Figure]) -> None:
    """All figures, one a line."""
    width = max(len(figure.subject) for figure in figures)
    print(f"{'figure':<{width}}  {'measured':>12}  {'target':>12}")
    for figure in figures:
        print(f"{figure.subject:<{width}}  {figure.value:>12}  {figure.target:>12}  {figure.verdict}")
