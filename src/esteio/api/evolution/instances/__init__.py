"""The door's `instance/*` and `settings/*`: instances made, paired, shown, set, restarted, logged out and deleted."""
