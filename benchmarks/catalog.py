"""A catalog of 500 offers beside the one that ships: what it adds to a cold start of submit, and to a submission.

Baselines: the same cold start, and the same choosing, with the shipped catalog. The own rows are read as the functions
read them, packed, from a table that answers at once.
"""

import gzip
import json
import sys
import tempfile
import timeit
from pathlib import Path
from typing import Any

import bytecode
from benchmarks.cold_start import RUNS, built_layer, seconds_of, unpack
from benchmarks.figures import Figure, at_most
from darkroom.catalog.loading import build, laid_over
from darkroom.catalog.routing import plan
from darkroom.catalog.shipped import shipped_catalog, shipped_rows
from darkroom.tasks.request import ImageRequest
from local.packages import function_package

MODELS, PROVIDERS = 50, 10
TARGET = 1.1
_READ = """
import gzip, json, app
from darkroom.catalog.current import CurrentCatalog
from darkroom.catalog.store import OwnRows
class Table:
    def version(self): return {version}
    def rows(self): return OwnRows({version}, json.loads(gzip.decompress(open({path!r}, "rb").read())))
app.container.accounts(); app.container.submissions()
assert CurrentCatalog(lambda: Table(), app.container.settings, lambda: 0)().find({model!r}).offers
"""


def main() -> list[Figure]:
    """Measure and print."""
    rows = _rows()
    start, default_start = _cold_starts(rows)
    figures = [at_most("cold start of submit with 500 offers, of with the shipped ones", start / default_start, TARGET)]
    print(f"a catalog of {MODELS * PROVIDERS} offers")
    print(
        f"  cold start  {1000 * start:6.0f} ms, with the shipped ones {1000 * default_start:.0f} ms: {figures[0].value}"
    )
    many, few = _choosing(build(laid_over(shipped_rows(), rows), _no_fault)), _choosing(shipped_catalog())
    figures.append(at_most("choosing among 500 offers, of among the shipped ones", many / few, TARGET))
    print(f"  choosing    {1e6 * many:6.0f} µs, with the shipped ones {1e6 * few:.0f} µs: {figures[1].value}")
    return figures


def _rows() -> dict[str, dict[str, Any]]:
    """Own rows: every model sold by every provider, each like the first offer that ships."""
    like = next(row for row in shipped_rows()["offers"].values() if row)
    providers = {
        f"reseller-{n}": {"protocol": "evolink", "base_url": f"https://r{n}.example"} for n in range(PROVIDERS)
    }
    models = {f"model-{n}": {"aliases": [f"m{n}", f"doubao-model-{n}"]} for n in range(MODELS)}
    offers = {
        f"{model}|{provider}|{provider}-{model}": {
            **like, "model": model, "provider": provider, "upstream_model": f"{provider}-{model}",
        }
        for model in models
        for provider in providers
    }  # fmt: skip
    return {"providers": providers, "models": models, "offers": offers}


def _cold_starts(rows: Any) -> tuple[float, float]:
    """The best of several, in turns."""
    python = bytecode.interpreter()
    with tempfile.TemporaryDirectory() as folder:
        layer = built_layer(Path(folder) / "layer", python)
        code = unpack(function_package("submit"), Path(folder) / "submit")
        packed = Path(folder) / "rows"
        packed.write_bytes(gzip.compress(json.dumps(rows).encode()))
        with_rows = _READ.format(version=1, path=str(packed), model="model-7")
        without = _READ.format(version=0, path=str(packed), model="seedream-4.5")
        runs = [
            [seconds_of(python or sys.executable, program, [code, layer]) for program in (with_rows, without)]
            for _ in range(RUNS)
        ]
    return min(run[0] for run in runs), min(run[1] for run in runs)


def _choosing(catalog: Any) -> float:
    """Seconds to choose for one request of a model with six offers, which is what ships."""
    request, available = ImageRequest("seedream-4.5", "a fox"), set(catalog.sellers)
    return min(timeit.repeat(lambda: plan(request, catalog, available=available), number=200, repeat=7)) / 200


def _no_fault(kind: str, name: str, error: Exception) -> None:
    raise ValueError(f"{kind} {name}") from error


if __name__ == "__main__":
    main()
