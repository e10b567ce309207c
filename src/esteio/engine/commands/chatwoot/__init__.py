"""Chatwoot beside a session of an Evolution server: what its agents write, and the inbox that they write in."""
