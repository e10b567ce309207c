"""Outgoing webhooks: the formats of events and the delivery policy. Never lives here: HTTP, a row."""
