"""For tests of adapters, one's own or a third party's: the conformance suite, flows stepped by hand, a whole gateway.

`conformance.AdapterConformance` is what every adapter is checked for; `stepping` runs a flow without a network;
`gateway.play` puts a real gateway in virtual time before a server that the test plays. Needs pytest and hypothesis
(`pip install esteio[testing]`); the gateway itself never imports this package. See docs/how-to/adapters.md.
"""
