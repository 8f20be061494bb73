"""The same demands made of any server and client, over real HTTP and through the fault proxy: also of yours.

Law of this package: it knows nothing of what is said between the two. An `Adapter` of a few methods starts
the server, publishes numbers, tells which sends took effect, and holds a client's conversation. All else is
the simulator's: its steps, and what must fit of what both applications have seen. Nothing here is in virtual
time: a scenario's seconds are multiplied by a pace, and a run that failed may pass when it is repeated.

    for probe, run in probed(YourAdapter).items():
        print(probe, run.broken or "holds")

`HubAdapter` is perdure's own server and client: put your client (`talk`) or your server (the other four) in
their place. Needs the extra `check`.
"""

from perdure.testing.remote.adapter import Adapter, Outcome, Snapshot, Talk
from perdure.testing.remote.hub import HubAdapter
from perdure.testing.remote.runs import PROBES, RemoteRun, probed, replay, search
from perdure.testing.remote.served import Served
from perdure.testing.remote.world import RemoteWorld, Unsupported

__all__ = [
    "PROBES",
    "Adapter",
    "HubAdapter",
    "Outcome",
    "RemoteRun",
    "RemoteWorld",
    "Served",
    "Snapshot",
    "Talk",
    "Unsupported",
    "probed",
    "replay",
    "search",
]
