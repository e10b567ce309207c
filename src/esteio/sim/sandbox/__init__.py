"""The simulated providers as real HTTP servers on loopback, with control calls and a page for people."""
