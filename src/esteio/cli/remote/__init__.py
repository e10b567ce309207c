"""Verbs that ask a running gateway over HTTP."""
