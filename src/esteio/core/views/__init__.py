"""Documents and sentences that the API, the command line and the deliveries share. Never lives here: a decision."""
