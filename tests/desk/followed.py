"""The household's feed as one that follows a source."""

from dataclasses import dataclass, field, replace

from counterseal.desk.desk import Desk
from tests.household import OneQuote
from tests.world import World


@dataclass
class Followed(OneQuote):
    """Every symbol of another feed, as long as that has quotes."""

    within: OneQuote = field(default_factory=OneQuote)
    source: str = "a-source"

    def __post_init__(self) -> None:
        self.quotes = self.within.quotes

    def symbols(self) -> tuple[str, ...]:
        return tuple(sorted(self.quotes))


def following(world: World) -> Desk:
    """The world's desk over such a feed."""
    return Desk(replace(world.desk.bench, feed=Followed(within=world.feed)))
