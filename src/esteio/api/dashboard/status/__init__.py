"""Public status pages: what strangers see, and the admin who chooses it. Never lives here: what counts as up."""
