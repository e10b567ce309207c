"""How a person in a browser is let in: links, cookies, attempts. Never lives here: a page, an API key's own rules."""
