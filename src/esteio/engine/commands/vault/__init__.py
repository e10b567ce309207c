"""A change of the key that seals secrets at rest."""
