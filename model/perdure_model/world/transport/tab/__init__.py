"""A client in its world: its rules bound to wires and timers, and the application that uses it.

Law of this folder: `tab.py` has the components, and `noted.py` what is noted on them beside the parts; each
other file declares one theme on them, sinks or rules. The order of declaration is the order of the actions.
"""

from perdure_model.world.transport.tab.noted import (
    AWAY,
    BACK,
    DEAD,
    LIVE,
    NEW,
    OWN,
    Answers,
    Parting,
    Refresh,
)
from perdure_model.world.transport.tab.tab import Tab

__all__ = ["AWAY", "BACK", "DEAD", "LIVE", "NEW", "OWN", "Answers", "Parting", "Refresh", "Tab"]
