"""The judge's library: pure values and pure functions.

No await, no clock, no dice, no I/O and no log in here; time is an argument. `decide.decide` is the one judge, and only
`esteio.engine.supervision.reconcile` (and the replay of a journal) may call it.
"""
