"""`make bench`: every measurement, and one table of all figures beside their targets."""

from benchmarks import callback, cold_start, cost, gateways, growth, ingest, lookup, scale
from benchmarks.figures import Figure, print_table


def main() -> None:
    """Measure everything, print it, and end with the one table."""
    figures: list[Figure] = []
    for measurement in (cold_start, gateways, callback, ingest, lookup, growth, cost, scale):
        figures += measurement.main()
        print(flush=True)
    print_table(figures)


if __name__ == "__main__":
    main()
