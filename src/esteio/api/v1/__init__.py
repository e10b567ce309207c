"""The native API, one module a resource. Never lives here: a rule about sessions or messages."""
