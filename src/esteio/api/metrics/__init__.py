"""`/metrics`: what is counted when it is asked for. `docs/reference/metrics.md` says of each number what to do."""
