"""The packet of research that comes with the product, done again while it is looked at."""

from pathlib import Path
from typing import Final

import streamlit as st

from counterseal.kernel.errors import InputError
from counterseal.kernel.model import refuse
from counterseal.signals.packet import PacketVerdict, ResearchPacket, checked, read_packet
from ui.web.parts import panels
from ui.web.parts.pieces import Tone, badges, banner, facts, page_of, simulated, table
from ui.web.parts.words import clock, moment, number, short, tx
from ui.web.wording import say, term

SAMPLE: Final = Path(__file__).parents[3] / "evidence" / "samples" / "research_packet.json"
ROWS: Final = 12
FLAGS: Final = (
    "paper_only",
    "deterministic_data",
    "live_trading_enabled",
    "broker_api_called",
    "real_order_created",
    "external_market_data_downloaded",
    "performance_claim",
)


def show() -> None:
    """This view; it reads one file, no home and no network."""
    try:
        packet = read_packet(SAMPLE.read_bytes())
        verdicts = checked(packet)
    except OSError:
        panels.empty(say("research.no_packet"), say("research.no_packet_then"))
        return
    except InputError as error:
        path = say("research.packet_path", path=error.field or "-")
        panels.refused(refuse(error.code, error.message), path)
        return
    st.header(packet.packet_id, anchor=False)
    badges(simulated())
    left, right = st.columns([1.72, 1], gap="medium")
    with left, st.container(border=True, height="stretch"):
        _words(packet)
    with right, st.container(border=True, height="stretch"):
        _again(verdicts)
    left, right = st.columns([1.72, 1], gap="medium")
    with left, st.container(border=True, height="stretch"):
        _signals(packet)
    with right, st.container(border=True, height="stretch"):
        _made_of(packet)


def _words(packet: ResearchPacket) -> None:
    """What the file says, in its own words."""
    facts(
        (say("research.hypothesis"), packet.hypothesis),
        (say("research.method"), packet.method),
        (say("research.not_shown"), " ".join(packet.limits)),
    )


def _again(verdicts: tuple[PacketVerdict, ...]) -> None:
    st.header(say("research.again"), anchor=False)
    differs = sum(not one.same for one in verdicts)
    if differs:
        told = say("research.differs", count=number(differs))
        banner(Tone.BAD, told, say("research.differs_told"))
    else:
        banner(Tone.GOOD, say("research.same"), say("research.same_told"))
    facts(*((term(one.check), f"{_sameness(one)} \u00b7 {short(one.found)}") for one in verdicts))


def _sameness(one: PacketVerdict) -> str:
    return say("research.is_same") if one.same else say("research.is_other")


def _signals(packet: ResearchPacket) -> None:
    st.header(say("research.said", count=number(len(packet.signals))), anchor=False)
    head = (
        say("research.signal"),
        say("research.direction"),
        say("research.target"),
        say("research.confidence"),
        say("research.said_at"),
    )
    shown = packet.signals[page_of(len(packet.signals), ROWS, "page")]
    rows = [
        (
            one.signal_id,
            term(one.direction),
            tx(one.target_tx_equivalent),
            number(one.confidence),
            clock(one.timestamp),
        )
        for one in shown
    ]
    table(say("research.signals"), head, rows, numeric={2, 3})


def _made_of(packet: ResearchPacket) -> None:
    data, told = packet.data, packet.json_value()
    st.header(say("research.made_with"), anchor=False)
    ticks = say("research.ticks_of", first=str(data.first_tick), last=str(data.last_tick))
    facts(
        (say("research.strategy"), f"{packet.strategy_id} {packet.strategy_version}"),
        (say("research.code_version"), packet.code_version),
        *((one.name, one.value) for one in packet.parameters),
        (say("research.parameters"), short(packet.parameters_hash)),
        (say("research.data"), f"{data.source}, {data.symbol}, {ticks}"),
        (say("research.begins_at"), moment(data.begins_at)),
        (say("research.data_version"), short(data.data_version)),
    )
    facts(*((name, str(told[name]).lower()) for name in FLAGS))
