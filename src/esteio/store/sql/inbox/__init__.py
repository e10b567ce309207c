"""Received webhooks in SQL: stored bytes, their events applied once, phones and history gaps."""
