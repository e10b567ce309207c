"""Mechanisms without a domain word: the polling worker, the task supervisor, waiters, leases."""
