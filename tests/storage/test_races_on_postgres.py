"""Many hands on one seat, with the records on a server."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from counterseal.signals.intent import PaperOrderIntent
from tests.desk.casework import codes, crowd, decided, race
from tests.storage.test_desk_on_postgres import MovedWorld, moved

__all__ = ["moved"]

MANY = 50


def test_of_fifty_decisions_on_one_seat_one_wins_on_a_server_too(moved: MovedWorld) -> None:
    """Governance 2.5, test 7: the writer's lock is the server's; the losers have one code."""
    names = crowd(moved, MANY)
    request_id = moved.requested()
    outcomes = race(moved, request_id, names)
    counted = Counter("accepted" if o.accepted else codes(o)[0] for o in outcomes)
    assert counted == {"accepted": 1, "LOST_RACE": MANY - 1}
    assert len(decided(moved, request_id)) == 1


def test_two_submits_on_one_approval_make_one_intent_on_a_server_too(moved: MovedWorld) -> None:
    """TX-Z2, governance invariant 7: one order, whoever comes first."""
    request_id = moved.approved()
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda key: moved.submitted(request_id, key=key), ("a", "b")))
    assert sorted(codes(o) for o in outcomes) == [(), ("ALREADY_CONSUMED",)]
    with moved.store.reader() as reader:
        assert len(reader.find(PaperOrderIntent)) == 1
