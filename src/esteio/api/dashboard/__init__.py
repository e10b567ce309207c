"""The dashboard: pages for people, drawn on the server. Never lives here: a rule about sessions, what a key may do."""
