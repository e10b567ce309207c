"""Work and messages on their way out: claim, perform, settle, and what became of those in doubt."""
