"""The judge: from evidence to state, reason and the next step. `decide` is the one entry.

Only `engine.supervision.reconcile` and the replay of a journal call it. Never lives here: sentences, messages.
"""
