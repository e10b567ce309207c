"""The engine: everything that waits. It claims, performs, settles and commits; it never judges (see
`core.judge.decide`)."""
