"""An override of a soft check by two people, on the real store."""

from dataclasses import replace
from pathlib import Path

import pytest

from counterseal.desk.commands import Outcome
from counterseal.desk.desk import Desk
from counterseal.desk.risk_overrides import OverrideAsked
from counterseal.identity.acts import EndKey, KeyEnding
from counterseal.policy.desk_limits import FurtherCheck
from counterseal.policy.words import Role
from counterseal.risk.model import CheckEffect, RiskEvaluation
from counterseal.risk.override import OverrideTerms, RiskOverride, override_statement
from tests.world import ACCOUNT, World

REPEATED = FurtherCheck.REPEATED_EXECUTION
ASKED = OverrideAsked(check=REPEATED, account_id=ACCOUNT, reason="a series", seconds=600)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A home whose account has sent the same order as often as it may: once."""
    world = World(tmp_path / "home")
    bundle = world.desk.bench.bundle
    once = bundle.limits.desk.amended(repeats_max=1)
    limits = bundle.limits.amended(desk=once)
    world.desk = Desk(replace(world.desk.bench, bundle=bundle.amended(limits=limits)))
    _send(world)
    return world


def _send(world: World) -> None:
    """An order of one contract, cancelled unfilled."""
    request = world.approved(quantity=1)
    world.quote(size=0)
    order = world.done(world.submitted(request, quantity=1))
    operator = world.actor("operator")
    world.done(world.desk.lifecycle.cancel(order, operator, reason="x", key=world.key()))
    world.after(1)


def drafted(world: World, **changes: object) -> OverrideTerms:
    terms = world.desk.overrides.terms(ASKED, "tenant-1", world.clock.now(), key=world.key())
    return terms.amended(**changes)


def signed(world: World, terms: OverrideTerms, by: str, actor: str | None = None) -> Outcome:
    [signature] = world.signed_by("override", override_statement(terms), by)
    return world.desk.overrides.sign(signature, world.actor(actor or by), key=world.key())


def granted(world: World, **changes: object) -> str:
    terms = drafted(world, **changes)
    world.done(signed(world, terms, "risk"))
    return world.done(signed(world, terms, "compliance"))


def codes(outcome: Outcome) -> tuple[str, ...]:
    return () if outcome.refusal is None else outcome.refusal.codes


def once_more(world: World) -> Outcome:
    request = world.approved(quantity=1)
    world.quote()
    return world.submitted(request, quantity=1)


def test_a_breach_passes_under_an_override_and_the_evaluation_names_it(world: World) -> None:
    """TX-H, part 4: one signature is none; two let it pass; the record names both people."""
    assert codes(once_more(world)) == (REPEATED,)
    terms = drafted(world)
    world.done(signed(world, terms, "risk"))
    assert codes(once_more(world)) == (REPEATED,)
    override = world.done(signed(world, terms, "compliance"))
    order = world.done(once_more(world))
    with world.store.reader() as reader:
        [evaluation] = reader.find(RiskEvaluation, order_id=order)
    [used] = [c for c in evaluation.warned if c.name is REPEATED]
    told = {d.name: d.value for d in used.details}
    assert used.effect is CheckEffect.OVERRIDDEN
    assert (told["override"], told["override_by"]) == (override, "risk,compliance")
    assert evaluation.approved
    assert world.verdict().outcome == "ok"


def test_an_override_ends_by_time_and_by_hand(world: World) -> None:
    """TX-H, part 4: half-open; ending it needs one person and counts at once."""
    override = granted(world)
    world.after(600)
    assert codes(once_more(world)) == (REPEATED,)
    second = granted(world)
    ended = world.desk.overrides.end(
        second, world.actor("operator"), reason="over", key=world.key()
    )
    world.done(ended)
    assert codes(once_more(world)) == (REPEATED,)
    again = world.desk.overrides.end(override, world.actor("risk"), reason="x", key=world.key())
    assert codes(again) == ("PROPOSAL_CLOSED",)


def test_nobody_ends_an_override_of_another_tenant(world: World) -> None:
    """TX-L2:tenant_isolated_risk_state_enabled: refused and on record, whatever the role."""
    override = granted(world)
    world.forge("UPDATE people SET tenant = 'tenant-2' WHERE person_id = 'operator'")
    ended = world.desk.overrides.end(override, world.actor("operator"), reason="x", key=world.key())
    assert codes(ended) == ("OTHER_TENANT",)


@pytest.mark.parametrize(
    ("changes", "passes"),
    [
        ({"strategy_id": "mean-reversion"}, True),
        ({"strategy_id": "another"}, False),
        ({"symbol": "TMF202601"}, True),
        ({"symbol": "TXF202601"}, False),
        ({"check": FurtherCheck.ACTIVE_ORDERS}, False),
    ],
)
def test_an_override_covers_its_scope_and_nothing_else(
    world: World, changes: dict[str, object], passes: bool
) -> None:
    """TX-H, part 4: scoped by account, strategy, symbol and check."""
    granted(world, **changes)
    assert once_more(world).accepted is passes


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"check": FurtherCheck.TRADING_STATE}, "OVERRIDE_HARD"),
        ({"check": FurtherCheck.TICK_SIZE}, "OVERRIDE_HARD"),
        ({"log_origin": "another.example/log"}, "OTHER_LOG"),
        ({"tenant": "tenant-2"}, "OTHER_TENANT"),
        ({"account_id": "nobody"}, "NOT_FOUND"),
    ],
)
def test_terms_that_may_not_be_are_refused(
    world: World, changes: dict[str, object], code: str
) -> None:
    """TX-H, part 4: hard breaches have no override; another log or tenant signed nothing here."""
    assert codes(signed(world, drafted(world, **changes), "risk")) == (code,)


def test_an_override_lives_no_longer_than_the_policy_allows(world: World) -> None:
    """TX-H, part 4: 3600 seconds pass, 3601 do not, and nothing is signed after the end."""
    now = world.clock.now()
    for seconds, expected in ((3601, ("OVERRIDE_TOO_LONG",)), (3600, ())):
        asked = ASKED.amended(seconds=seconds)
        terms = world.desk.overrides.terms(asked, "tenant-1", now, key=world.key())
        assert codes(signed(world, terms, "risk")) == expected
    late = drafted(world)
    world.done(signed(world, late, "risk"))
    world.after(600)
    assert codes(signed(world, late, "compliance")) == ("PROPOSAL_EXPIRED",)


def test_two_different_people_with_the_right_sign_for_themselves(world: World) -> None:
    """TX-H, part 4: nobody twice, nobody for another, no operator, one reviewer of risk."""
    terms = drafted(world)
    assert codes(signed(world, terms, "operator")) == ("ROLE",)
    assert codes(signed(world, terms, "risk", actor="compliance")) == ("SIGNER_NOT_ACTING",)
    world.done(signed(world, terms, "risk"))
    assert codes(signed(world, terms, "risk")) == ("ALREADY_SIGNED",)
    other = terms.amended(reason="something else")
    assert codes(signed(world, other, "compliance")) == ("PROPOSAL_CLOSED",)
    world.done(world.granted("researcher", Role.COMPLIANCE_REVIEWER))
    without = drafted(world)
    world.done(signed(world, without, "compliance"))
    assert codes(signed(world, without, "researcher")) == ("RISK_REVIEWER_NEEDED",)


def test_an_override_ends_when_a_signer_loses_the_key(world: World) -> None:
    """TX-H, part 4: judged again with each use."""
    granted(world)
    lost = EndKey(
        terms=world.terms(),
        key_id="key-of-compliance",
        person_id="compliance",
        reason=KeyEnding.LOST,
    )
    world.done(world.agreed(lost, "officer-1", "officer-2"))
    world.after(1)
    assert codes(once_more(world)) == (REPEATED,)


def test_a_forged_row_overrides_nothing(world: World) -> None:
    """TX-H, part 4: the status in the table without the second signature is no override."""
    world.done(signed(world, drafted(world), "risk"))
    world.forge("UPDATE risk_overrides SET status = 'in_force'")
    with world.store.reader() as reader:
        [row] = reader.find(RiskOverride)
    assert row.status == "in_force"
    assert codes(once_more(world)) == (REPEATED,)
