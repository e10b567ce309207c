"""The demo: every seed's story at once, in real time, by real HTTP.

`run` plays the `scenarios` on a `stage` and settles the `final_checks`; each is told as a `account` in `texts` of two
languages;
`live` shows it by `screen` and `summary`. Never lives here: the simulated world (`sim`), the verb (`cli.local.demo`).
"""
