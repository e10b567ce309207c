"""The settings' pages: keys, policies, notices. Never lives here: a rule about them (`engine.commands`)."""
