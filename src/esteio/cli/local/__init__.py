"""Verbs that work on this machine: the service itself, its data folder, the simulator."""
