"""How much a machine carries, by what is counted and not by a clock. Never lives here: a load."""
