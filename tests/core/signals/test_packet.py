"""Research packets: read, refused, done again."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from counterseal.kernel.canonical import Json
from counterseal.kernel.errors import InputError
from counterseal.signals.packet import (
    PACKET_BYTES_MAX,
    PacketCheck,
    ResearchPacket,
    checked,
    made_anew,
    read_packet,
)

SAMPLE = Path(__file__).parents[3] / "evidence" / "samples" / "research_packet.json"


@pytest.fixture(scope="module")
def sample() -> ResearchPacket:
    return read_packet(SAMPLE.read_bytes())


def broken(change: Callable[[dict[str, Json]], None]) -> InputError:
    """What is said of the sample after a change."""
    value = json.loads(SAMPLE.read_text("utf-8"))
    change(value)
    with pytest.raises(InputError) as caught:
        read_packet(json.dumps(value).encode())
    return caught.value


def failing(packet: ResearchPacket) -> list[PacketCheck]:
    return [one.check for one in checked(packet) if not one.same]


def test_i2_the_sample_that_comes_with_the_product_can_be_done_again(
    sample: ResearchPacket,
) -> None:
    """TX-B11: the same strategy, the same data, the same signals, from what the file names."""
    assert failing(sample) == []
    assert made_anew(sample) == sample
    assert {one.direction.value for one in sample.signals} == {"LONG", "SHORT"}
    assert sample.signals[0].timestamp == sample.data.begins_at.replace(second=1)


def test_i2_each_difference_is_found_where_it_is(sample: ResearchPacket) -> None:
    """TX-B11: a packet is never believed: other data, other signals, another strategy."""
    later = sample.amended(data=sample.data.amended(last_tick=22))
    assert failing(later) == [PacketCheck.DATA, PacketCheck.SIGNALS]
    assert failing(sample.amended(signals=sample.signals[1:])) == [PacketCheck.SIGNALS]
    other = sample.amended(strategy_version="1.0.1")
    assert failing(other) == [PacketCheck.STRATEGY, PacketCheck.SIGNALS]
    with pytest.raises(InputError, match="STRATEGY_UNKNOWN"):
        made_anew(other)


@pytest.mark.parametrize("ticks", [(5, 4), (0, 1000)])
def test_a_packet_of_no_ticks_or_of_too_many_is_refused(
    ticks: tuple[int, int], sample: ResearchPacket
) -> None:
    """TX-B11: what is done again has a bound."""
    first, last = ticks
    packet = sample.amended(data=sample.data.amended(first_tick=first, last_tick=last))
    with pytest.raises(InputError, match="TICK_RANGE"):
        checked(packet)
    assert checked(packet.amended(data=packet.data.amended(first_tick=1, last_tick=1000)))


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("paper_only", False),
        ("live_trading_enabled", True),
        ("broker_api_called", True),
        ("real_order_created", True),
        ("performance_claim", True),
    ],
)
def test_i1_an_unsafe_packet_is_refused_with_the_path(flag: str, value: bool) -> None:
    """TX-B11, TX-E2: paper only, no claim, no order."""
    told = broken(lambda packet: packet.update({flag: value}))
    assert (told.code, told.field) == ("PACKET_INVALID", flag)


def test_i1_a_signal_that_created_an_order_makes_no_packet() -> None:
    """TX-E2: the signals-only guard holds inside a packet; the path leads to the signal."""

    def ordered(packet: dict[str, Json]) -> None:
        signals = packet["signals"]
        assert isinstance(signals, list)
        signals[3]["reason"]["order_created"] = True

    told = broken(ordered)
    assert (told.code, told.field) == ("PACKET_INVALID", "signals.3.reason.order_created")


def test_what_is_no_packet_is_refused_before_it_is_read() -> None:
    """TX-B11: too long, no JSON, a key twice."""
    for content, code in (
        (b" " * (PACKET_BYTES_MAX + 1), "PACKET_TOO_LONG"),
        (b"{", "NOT_JSON"),
        (b'{"packet_id": "a", "packet_id": "b"}', "DUPLICATE_KEY"),
    ):
        with pytest.raises(InputError, match=code):
            read_packet(content)
