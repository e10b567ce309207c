"""The reception desk: HTTP in, documents and problems out. Never a rule, never a retry, never a session state."""
