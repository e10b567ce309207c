"""Traces: one context from the caller's request to the last receipt, kept in rows, so that it outlives a process.

`context` reads and writes what rows and headers carry; `tracer` is the port that records spans, with a default that
records none; `names` is the closed list of what spans and their attributes are called; `otel` alone imports
OpenTelemetry, and only where the settings ask for it. Never lives here: a message's content, a phone number, a token.
"""
