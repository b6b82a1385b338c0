"""The metrics that a function printed, read back from its output (CloudWatch embedded metric format)."""

import json
from typing import Any


def emitted(output: str) -> list[tuple[str, float, dict[str, str]]]:
    """Every metric in the lines of an output: its name, its value and its dimensions beside `service`."""
    found = []
    for line in output.splitlines():
        if '"_aws"' not in line:
            continue
        record: dict[str, Any] = json.loads(line)
        for directive in record["_aws"]["CloudWatchMetrics"]:
            (names,) = directive["Dimensions"]
            dimensions = {name: record[name] for name in names}
            assert dimensions.pop("service") == "darkroom"
            for metric in directive["Metrics"]:
                (value,) = record[metric["Name"]]
                found.append((metric["Name"], value, dimensions))
    return found
