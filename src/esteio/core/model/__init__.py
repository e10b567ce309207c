"""Frozen values that every room may take. Never lives here: a rule that decides something."""
