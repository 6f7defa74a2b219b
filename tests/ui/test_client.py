"""A person's own Python program at the desk: what a terminal gives, and nothing more."""

from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.approvals.draft import RequestTerms
from counterseal.desk.views.approvals import RequestDetail
from counterseal.desk.views.duties import Duties, Explanation
from counterseal.identity.dsse import signed_bytes
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Refusal
from counterseal.policy.words import DecisionWord
from tests.desk.casework import codes, decided
from tests.ground import SECRET
from tests.ui.sealed_keys import seal_keys
from tests.world import ACCOUNT, SYMBOL, World
from ui import client as program
from ui.cli import cases, session
from ui.client import Client

RESEARCH, PAPER = DecisionWord.RESEARCH_APPROVED, DecisionWord.APPROVED_FOR_PAPER
REASON = "checked the evidence and agree with it"
TERMS = RequestTerms(
    account_id=ACCOUNT,
    symbol=SYMBOL,
    max_quantity=Decimal(2),
    price=Decimal(20000),
    request_reason="mean reversion after a sharp move",
    author_ids=("author",),
)


@pytest.fixture
def world(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(workplace / "home")
    seal_keys(made, "quant", "researcher", "risk")
    for module in (session, cases, program):
        monkeypatch.setattr(module, "CLOCK", made.clock)
    return made


@pytest.fixture
def client(world: World) -> Client:
    return Client(world.home)


def shown(client: Client, request_id: str) -> RequestDetail:
    found = client.case(request_id)
    assert isinstance(found, RequestDetail)
    return found


def to_do(client: Client, name: str) -> list[str]:
    told = client.inbox(name)
    assert isinstance(told, Duties)
    return [duty.subject_id for duty in told.duties]


def test_a_program_asks_looks_signs_and_decides(world: World, client: Client) -> None:
    """Governance part 1, row "reason, explanation, notices": a Python client; each person by their
    own key, on the exact bytes that were given out first.
    """
    signal_id = world.signal().signal_id
    quant = client.act_as("quant", SECRET)
    request_id = quant.request(signal_id, TERMS, key="ask-1").subject_id
    assert quant.request(signal_id, TERMS, key="ask-1").replayed
    assert to_do(client, "risk") == []
    for name, word in (("researcher", RESEARCH), ("risk", PAPER)):
        assert to_do(client, name) == [request_id]
        me, case = client.act_as(name, SECRET), shown(client, request_id)
        prepared = me.prepare(case, word, REASON, key=name).prepared
        assert prepared is not None
        assert prepared.message == signed_bytes("decision", prepared.statement.json_value())
        assert me.decide(prepared, key=name).accepted
        with pytest.raises(InputError, match="KEY_SPENT"):
            me.decide(prepared, key=name)
        assert client.act_as(name, SECRET).decide(prepared, key=name).replayed
    assert [d.reviewer_id for d in decided(world, request_id)] == ["researcher", "risk"]
    assert shown(client, request_id).history.paper_simulation_approved
    assert world.verdict().outcome == "ok"


def test_a_program_is_told_why_not(world: World, client: Client) -> None:
    """Governance rule 2.10: the rules that bar a person at a terminal bar their program, on record;
    a reason that the policy finds too short decides nothing.
    """
    request_id = world.requested()
    told = client.why(request_id, "quant")
    assert isinstance(told, Explanation)
    against = {code for act in told.acts for code in act.codes}
    assert "REQUESTER_IS_REVIEWER" in against
    case = shown(client, request_id)
    for name, words, code in (
        ("quant", REASON, "REQUESTER_IS_REVIEWER"),
        ("researcher", "ok", "REASON_TOO_SHORT"),
    ):
        me = client.act_as(name, SECRET)
        prepared = me.prepare(case, RESEARCH, words, key=name).prepared
        assert prepared is not None
        assert code in codes(me.decide(prepared, key=name))
        assert world.log()[-1].type == "command.refused"
    assert decided(world, request_id) == ()
    for found in (client.case("apr_none"), client.why("apr_none", "risk"), client.inbox("no-one")):
        assert isinstance(found, Refusal)
        assert codes(found) == ("NOT_FOUND",)


def test_a_program_without_the_passphrase_acts_for_nobody(world: World, client: Client) -> None:
    """I1, I3: the key does not open, and what is tried again and again is locked."""
    size, found = len(world.log()), list[str]()
    for _ in range(8):
        with pytest.raises(InputError) as caught:
            client.act_as("risk", "not the passphrase of anybody")
        found.append(caught.value.code)
    assert found[0] == "PASSPHRASE_WRONG"
    assert found[-1] == "KEY_LOCKED"
    with pytest.raises(InputError, match="KEY_LOCKED"):
        client.act_as("risk", SECRET)
    assert client.act_as("researcher", SECRET).actor.id == "researcher"
    assert {row.type for row in world.log()[size:]} == {"key.refused", "login.locked"}
