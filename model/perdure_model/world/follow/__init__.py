"""System A: a session that follows remote state."""

from perdure_model.core.follow import FOLLOW
from perdure_model.core.follow.book import FOLLOW_TABLE, SUBMISSION_TABLE
from perdure_model.world.follow.defects import DEFECTS
from perdure_model.world.follow.properties import PROPERTIES, at_rest
from perdure_model.world.follow.sizes import SIZES
from perdure_model.world.follow.wires import Bounds
from perdure_model.world.follow.world import Following
from perdure_model.world.model import Model

FOLLOWED = Model(
    name="A",
    says="a session that follows remote state",
    books=(FOLLOW,),
    tables=(FOLLOW_TABLE, SUBMISSION_TABLE),
    sizes=SIZES,
    build=Following,
    properties=PROPERTIES,
    rest=at_rest,
    defects=DEFECTS,
)

__all__ = ["FOLLOWED", "Bounds", "Following"]
