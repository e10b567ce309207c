"""Simulated providers: what each dialect answers over HTTP, true or not."""
