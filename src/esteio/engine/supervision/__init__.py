"""Session truth: when to look, the looks, what is remembered between them, and `reconcile`, which alone commits."""
