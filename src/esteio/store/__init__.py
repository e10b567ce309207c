"""Memory: one vocabulary (`base`), dialects behind it. Nothing above this package knows which database it is."""
