"""System T: a transport whose client identity outlives its connection."""

from perdure_model.core.client import CLIENT
from perdure_model.core.client.book import ITEM_TABLE, SESSION_TABLE
from perdure_model.core.server import SERVER
from perdure_model.core.server.book import CONNECTION_TABLE
from perdure_model.world.model import Model
from perdure_model.world.transport.bounds import Bounds
from perdure_model.world.transport.defects import DEFECTS
from perdure_model.world.transport.properties import PROPERTIES, at_rest
from perdure_model.world.transport.sizes import SIZES
from perdure_model.world.transport.world import Transport

TRANSPORT = Model(
    name="T",
    says="a transport whose client identity outlives its connection",
    books=(CLIENT, SERVER),
    tables=(SESSION_TABLE, ITEM_TABLE, CONNECTION_TABLE),
    sizes=SIZES,
    build=Transport,
    properties=PROPERTIES,
    rest=at_rest,
    defects=DEFECTS,
)

__all__ = ["TRANSPORT", "Bounds", "Transport"]
