"""The storm: ground truth about phones, sockets and servers, and providers that lie about it as the real ones do.

`world` is what is true, `providers` what each dialect answers, `world.faults` what may go wrong, `world.transport` and
`sandbox` the two ways in (in one process under a virtual clock, or real HTTP), `clock` that clock, `lab` a gateway
before a world. Never lives here: anything the gateway needs in service, and what only tests need (crash points and
media hosts stand under `tests/`).
"""
