"""`/metrics`: what is counted when it is asked for. `docs/metrics.md` says of each number what to do about it."""
