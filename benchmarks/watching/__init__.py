"""Many sessions that are watched and nothing else, by one process on SQLite or by several nodes on PostgreSQL."""
