"""What each of the six steps of the guided demo says."""

from typing import NamedTuple

from ui.web.wording import say


class Step(NamedTuple):
    """What one step of the guided demo says."""

    name: str
    told: str
    expected: str
    why: str
    boundary: str
    then: str


def steps() -> tuple[Step, ...]:
    """All six, in their order."""
    return (
        Step(
            say("demo_walk.tick"),
            say("demo_walk.tick_told"),
            say("demo_walk.tick_expected"),
            say("demo_walk.tick_why"),
            say("demo_walk.tick_boundary"),
            say("demo_walk.tick_then"),
        ),
        Step(
            say("demo_walk.signal"),
            say("demo_walk.signal_told"),
            say("demo_walk.signal_expected"),
            say("demo_walk.signal_why"),
            say("demo_walk.signal_boundary"),
            say("demo_walk.signal_then"),
        ),
        Step(
            say("demo_walk.order"),
            say("demo_walk.order_told"),
            say("demo_walk.order_expected"),
            say("demo_walk.order_why"),
            say("demo_walk.order_boundary"),
            say("demo_walk.order_then"),
        ),
        *_looks(),
    )


def _looks() -> tuple[Step, ...]:
    return (
        Step(
            say("demo_walk.oms"),
            say("demo_walk.oms_told"),
            say("demo_walk.oms_expected"),
            say("demo_walk.oms_why"),
            say("demo_walk.oms_boundary"),
            say("demo_walk.oms_then"),
        ),
        Step(
            say("demo_walk.pnl"),
            say("demo_walk.pnl_told"),
            say("demo_walk.pnl_expected"),
            say("demo_walk.pnl_why"),
            say("demo_walk.pnl_boundary"),
            say("demo_walk.pnl_then"),
        ),
        Step(
            say("demo_walk.again"),
            say("demo_walk.again_told"),
            say("demo_walk.again_expected"),
            say("demo_walk.again_why"),
            say("demo_walk.again_boundary"),
            say("demo_walk.again_then"),
        ),
    )
