"""Facts that only some homes have: votes behind the policy, an identity provider, open logins."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from counterseal.identity.oidc import Claims
from counterseal.kernel.canonical import digest
from counterseal.policy import gate_checks
from counterseal.policy.sweep import sweep
from counterseal.readiness.decide import evaluate
from counterseal.readiness.model import AccessSeen, Exercise, Exercised, Observation
from storage.home_facts import home_facts
from storage.home_reader import read_home
from storage.probes import settings_seen
from tests.desk.policy_room import NEXT, PolicyWorld

ISSUER = "https://provider.example"
BELIEVED = f"issuers:\n  - issuer: {ISSUER}\n    client_id: desk\n# "
SWEEP_EVERY = 5_000


@pytest.fixture(scope="module")
def voted(tmp_path_factory: pytest.TempPathFactory) -> PolicyWorld:
    """A home under a policy that two people voted for, which believes a provider."""
    world = PolicyWorld(tmp_path_factory.mktemp("voted") / "home").staffed()
    world.version(("access.yaml", "issuers: []", BELIEVED))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gate_checks, "sweep", partial(sweep, every=SWEEP_EVERY))
        world.agreed_on(NEXT)
    world.store.close()
    return world


@pytest.fixture
def world(voted: PolicyWorld, tmp_path: Path) -> Iterator[PolicyWorld]:
    """A copy of that home, opened where the other stopped."""
    shutil.copytree(voted.home.parent, tmp_path / "copy")
    world = PolicyWorld.of(tmp_path / "copy" / voted.home.name)
    world.store.close()
    world.count = voted.count
    world.clock.move_to(voted.clock.now())
    world.reopen()
    yield world
    world.store.close()


def _seen(world: PolicyWorld) -> Observation:
    with read_home(world.settings) as reader:
        home = home_facts(reader, world.settings)
    passed = tuple(Exercised(name=e, passed=True, evidence="told by a test") for e in Exercise)
    settings = settings_seen(world.settings)
    return Observation(at=world.clock.now(), settings=settings, home=home, exercised=passed)


def _claims(world: PolicyWorld) -> Claims:
    now = world.clock.now()
    return Claims(
        issuer=ISSUER,
        subject="subject",
        audience=("desk",),
        issued_at=now,
        expires_at=now + timedelta(minutes=5),
        auth_time=now,
        nonce="asked",
        verified=True,
        token_digest=digest("token"),
    )


def test_votes_stand_behind_a_policy_that_was_voted(world: PolicyWorld) -> None:
    """TX-L1:rbac_abac_enforced, TX-L2:centralized_risk_limits_enabled: the true side."""
    seen = _seen(world)
    flags = evaluate(seen)

    assert seen.home is not None
    assert seen.home.policy.votes == 2
    assert flags["rbac_abac_enforced"].value is True
    assert flags["centralized_risk_limits_enabled"].value is True


def test_a_vote_that_is_gone_counts_for_nothing(world: PolicyWorld) -> None:
    """TX-L1:rbac_abac_enforced: each vote is verified anew, not taken from the activation."""
    assert world.forge("DELETE FROM policy_votes WHERE person_id = 'vera'")
    seen = _seen(world)

    assert seen.home is not None
    assert seen.home.policy.votes == 0
    assert evaluate(seen)["rbac_abac_enforced"].value is False


def test_a_provider_counts_once_somebody_logged_in_by_it(world: PolicyWorld) -> None:
    """TX-L7:auth_provider_enabled, authenticated: met, not only named; over when revoked."""
    named = _seen(world)
    officer, accounts = world.actor("officer-1"), world.desk.accounts
    world.done(accounts.link(ISSUER, "subject", "operator", officer, key=world.key()))
    login = world.desk.access.log_in_by_token(_claims(world), nonce="asked", key=world.key())
    assert login.session is not None, login.refusal
    met = _seen(world)
    told = login.session.session_id
    world.done(world.desk.sessions.revoke(told, "over", officer, key=world.key()))
    over = _seen(world)

    assert [seen.home.access for seen in (named, met, over) if seen.home is not None] == [
        AccessSeen(providers=1, provider_logins=0, sessions_open=0),
        AccessSeen(providers=1, provider_logins=1, sessions_open=1),
        AccessSeen(providers=1, provider_logins=1, sessions_open=0),
    ]
    names = ("auth_provider_enabled", "provider_required", "authenticated")
    assert [[evaluate(seen)[name].value for name in names] for seen in (named, met, over)] == [
        [False, True, False],
        [True, False, True],
        [True, False, False],
    ]
