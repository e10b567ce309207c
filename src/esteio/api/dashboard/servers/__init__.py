"""The servers' pages: list, one, add, change, adopt. Never lives here: a rule about servers (`engine.commands`)."""
