"""Webhooks to subscribers, notices to people, and the event log that `/v1/events` reads."""
