"""A simulated W-API."""
