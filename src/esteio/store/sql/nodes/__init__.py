"""Nodes in SQL: their leases, what each holds, and what is put right when it changes hands."""
