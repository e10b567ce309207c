"""The measurements over PostgreSQL: each starts a server of its own, durable, with whatever delay is asked for."""
