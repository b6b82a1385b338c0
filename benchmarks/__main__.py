"""`make bench`: every measurement, one table each."""

from benchmarks import cold_start, ingest, warm


def main() -> None:
    """Measure everything and print it."""
    for measurement in (cold_start, warm, ingest):
        measurement.main()
        print()


if __name__ == "__main__":
    main()
