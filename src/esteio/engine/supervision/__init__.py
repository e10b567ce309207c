"""Session truth: when to look, the looks themselves, and `reconcile`, which alone commits decisions."""
