"""The rules of messages, in both directions. Never lives here: a session's state, SQL, a request."""
