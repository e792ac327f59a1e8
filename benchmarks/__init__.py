"""The queue beside its peers and beside a raw loop: `make bench`, or `python -m benchmarks`."""
