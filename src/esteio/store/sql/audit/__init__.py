"""The audit log over SQL."""
