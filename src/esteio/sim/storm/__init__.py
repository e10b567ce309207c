"""Runs of a simulated fleet under faults: plan, run, checkers, report."""
