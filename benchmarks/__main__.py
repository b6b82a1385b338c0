"""`make bench`: every measurement, one table each."""

from benchmarks import cold_start, cost, ingest, warm


def main() -> None:
    """Measure everything and print it."""
    for measurement in (cold_start, warm, ingest, cost):
        measurement.main()
        print()


if __name__ == "__main__":
    main()
