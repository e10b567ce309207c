"""Several nodes on one database: who is whose, and how long a node may act. Never lives here: a session, a row."""
