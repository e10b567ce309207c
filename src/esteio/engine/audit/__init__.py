"""The audit log as the engine keeps it: who acts, what is recorded with a change, and looking whether it holds."""
