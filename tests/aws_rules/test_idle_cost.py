"""What is paid for a deployment that nobody uses, and that the documents say the same."""

import re

from benchmarks.idle import PRICES, TARGET, idle_amounts, idle_dollars
from local.paths import ROOT
from local.template.reading import Template


def test_an_idle_month_costs_less_than_three_dollars() -> None:
    assert sum(idle_dollars().values()) < TARGET


def test_what_is_billed_is_counted_from_the_template(deployed: Template, everything: Template) -> None:
    assert set(idle_amounts(deployed)) == set(PRICES)
    assert idle_amounts(deployed)["dashboards"] == 0
    assert idle_amounts(everything)["dashboards"] == 1
    assert idle_amounts(everything)["alarm metrics"] > 20 > idle_amounts(deployed)["alarm metrics"]


def test_the_documents_say_what_an_idle_month_costs() -> None:
    told = f"{sum(idle_dollars().values()):.2f} dollars"
    for page in ("README.md", "docs/deploying.md", "docs/performance.md"):
        said = set(re.findall(r"(\d+\.\d\d dollars) (?:a month )?(?:when|in an) idle", (ROOT / page).read_text()))
        assert said == {told}, page
