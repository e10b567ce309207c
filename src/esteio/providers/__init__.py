"""Dialects: pure translators between the house and the servers that hold the WhatsApp links, and one road out.

`base` is the port, `driver` the only door to the network, `registry` the list of dialects, `quirks` what is known of
their lies. Never lives here: a decision, a retry, a clock.
"""
