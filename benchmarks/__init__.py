"""The measurements behind `docs/explanation/benchmarks.md`: what the gateway costs beside the least that this can cost.

Every measurement runs in processes of its own, on loopback, bounded in count and time: a load (`load`), what is
measured (the gateway by its own `serve`, or the bare loop of `bare`) and a provider that costs next to nothing
(`stub`). A figure never stands alone: the gateway and the bare loop are measured in turns in one run, and their ratio
is the result.

| file | what |
|---|---|
| `__main__` | `python -m benchmarks WHAT`: the verbs, and the one JSON line |
| `deliver`, `accept`, `inbound`, `soak` | what each verb does |
| `watching/` | sessions that are only watched: by one process, and by nodes on PostgreSQL while some of it fails |
| `tail/` | where a slow answer's time goes: the notes of a server under `--trace`, and their figures |
| `pages/` | the dashboard with a large fleet, in a browser and with a hundred open pages |
| `processes`, `gateway` | children started, awaited and ended; a gateway with its sessions |
| `load`, `wire` | the load client's process, and its HTTP |
| `stub`, `bare`, `serving` | the provider's process, the bare loop's process, how both are served |

They stand beside `src`: nothing here is installed, and nothing that is installed imports it.
"""
