"""What people see, measured in a real browser: a code to scan, a large fleet, a hundred open pages.

`qr` is the way of a code; of `pages` `measured` puts the parts together, `fleet` writes the sessions down, `browser`
looks with Chromium, `viewers` are open pages without a browser. Never lives here: a threshold.
"""
