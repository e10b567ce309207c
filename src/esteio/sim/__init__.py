"""The storm: ground truth about phones, sockets and servers, and providers that lie about it as the real ones do.

`world` is what is true, `sim.world.instance` one instance's life, `face_*` what each dialect answers, `faults` what
may go wrong,
`transport` and `sim.sandbox.servers` the two ways in (in one process under a virtual clock, or real HTTP),
`sim.clock.virtual_loop` that clock.
Never lives here: anything the gateway needs in service.
"""
