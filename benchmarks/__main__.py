"""`make bench`: every measurement, one table each."""

from benchmarks import callback, cold_start, cost, gateways, ingest, lookup


def main() -> None:
    """Measure everything and print it."""
    for measurement in (cold_start, gateways, callback, ingest, lookup, cost):
        measurement.main()
        print(flush=True)


if __name__ == "__main__":
    main()
