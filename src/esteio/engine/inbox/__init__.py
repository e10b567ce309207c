"""Received webhooks and provider history, from stored bytes to applied events."""
