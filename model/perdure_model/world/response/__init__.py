"""System R: a response stream that refreshes an expired credential without a trace."""

from perdure_model.core.credential import CREDENTIAL
from perdure_model.core.credential.book import CREDENTIAL_TABLE
from perdure_model.core.response import RESPONSE
from perdure_model.core.response.book import RESPONSE_TABLE
from perdure_model.world.model import Model
from perdure_model.world.response.defects import DEFECTS
from perdure_model.world.response.properties import PROPERTIES, at_rest
from perdure_model.world.response.sizes import SIZES
from perdure_model.world.response.world import Bounds, Response

RESPONSES = Model(
    name="R",
    says="a response stream that refreshes an expired credential without a trace",
    books=(RESPONSE, CREDENTIAL),
    tables=(RESPONSE_TABLE, CREDENTIAL_TABLE),
    sizes=SIZES,
    build=Response,
    properties=PROPERTIES,
    rest=at_rest,
    defects=DEFECTS,
)

__all__ = ["RESPONSES", "Bounds", "Response"]
