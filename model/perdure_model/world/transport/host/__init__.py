"""The server in its world: its rules bound to wires and timers.

Law of this folder: `host.py` has the components, and is all that others know; each other file declares one
theme on it, sinks or rules. The order of declaration is the order of the actions.
"""

from perdure_model.world.transport.host.host import Host
from perdure_model.world.transport.host.requests import PRINCIPAL
from perdure_model.world.transport.host.strangers import STRANGERS

__all__ = ["PRINCIPAL", "STRANGERS", "Host"]
