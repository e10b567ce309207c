"""What is kept of the past, over a database. Never lives here: a rule about outages."""
