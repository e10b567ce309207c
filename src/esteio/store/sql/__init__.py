"""The store's ports in SQL: what is the same in every dialect, one object a subject; statements in `queries.sql`."""
