"""A simulated Evolution API."""
