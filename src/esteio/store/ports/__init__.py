"""The store's ports: small protocols, each worker takes the ones it uses. `now` is always an argument.

Every method is one transaction: what it writes is durable, all of it or nothing, when it returns. Write methods that
carry a `fence` or an expected version return False (or leave the item out) when somebody else was faster; the caller
throws its work away and looks again. `node`: the epoch of the boot that asks, for what it holds and while its lease
runs; `generation`: as a session was held when something was begun, so that nothing is written once it has changed
hands. Without them the process is alone with its database, and everything is its own (`nodes`). All may raise
`StoreFull`; reads see every commit that returned before them.
Never lives here: SQL, column names, policy; values are in `store.values` and `store.delivery`.
"""
