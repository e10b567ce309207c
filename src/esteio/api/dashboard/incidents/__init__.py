"""Incidents: outages of sessions and of servers, over or not. Never lives here: when one begins (`core.judge`)."""
