"""The demo: every seed's story at once, in real time, by real HTTP.

`run` plays the `stories` on a `stage` and settles the `ledger`; each is told as a `tale` in `words` of two languages;
`live` shows it by `screen` and `summary`. Never lives here: the simulated world (`sim`), the verb (`cli.demo`).
"""
