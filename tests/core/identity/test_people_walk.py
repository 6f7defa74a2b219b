"""No way through the register but two people's signatures."""

import random
from collections.abc import Callable

import pytest

from counterseal.identity.acts import Act, EnrolKey, KeyEnding
from counterseal.identity.people import PersonStatus, Role, decide_disable, decide_withdrawal
from counterseal.identity.proposals import Settled
from counterseal.identity.recheck import check_register
from counterseal.kernel.model import Refusal
from tests.core.identity.town import OFFICERS, Town, person

NAMES = ("olga", "nina", "kai", "ella")
SIGNERS = (*OFFICERS, *NAMES, *(f"{name}.2" for name in NAMES), "mallory")
COMMANDS = 200


class Walk:
    """Random commands by random people, right ones among them."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - a repeatable walk, no secret
        self.town = Town().found()
        self.town.add(*(person(name) for name in NAMES))
        self.open: list[Act] = []
        self.reached = 0

    def step(self) -> None:
        self.town.after(seconds=self.dice.randint(1, 90_000))
        steps: tuple[Callable[[], None], ...] = (self.propose, self.propose, self.sign, self.leave)
        self.dice.choices(steps, (9, 9, 9, 1))[0]()

    def signers(self) -> tuple[str, ...]:
        """The two officers often, with the owner's key; anybody otherwise."""
        if self.dice.random() < 0.4:
            return OFFICERS
        return tuple(self.dice.sample(SIGNERS, self.dice.randint(1, 4)))

    def propose(self) -> None:
        name, town = self.dice.choice((*NAMES, *OFFICERS)), self.town
        key = self.dice.choice((name, f"{name}.2"))
        made: Act = self.dice.choice(
            (
                town.grant(name, self.dice.choice(list(Role)), *self.dice.choice(((), ("s1",)))),
                town.enrolment(key),
                town.enrolment(f"{name}.2", f"key-{name}"),
                town.ending(key, self.dice.choice(list(KeyEnding))),
            )
        )
        own = self.dice.sample((name, f"{name}.2"), self.dice.randint(0, 2))
        also = own if isinstance(made, EnrolKey) else ()
        outcome = town.propose(made, *dict.fromkeys((*self.signers(), *also)))
        if isinstance(outcome, Settled):
            self.open.append(made)
            self.reached += bool(outcome.documents)

    def sign(self) -> None:
        if self.open:
            outcome = self.town.approve(self.dice.choice(self.open), *self.signers())
            self.reached += isinstance(outcome, Settled) and bool(outcome.documents)

    def leave(self) -> None:
        people = self.town.register
        leaver, officer = people.person(self.dice.choice(NAMES)), people.person("eva")
        assert leaver is not None
        assert officer is not None
        if leaver.roles and self.dice.random() < 0.5:
            grants = tuple(g for g in people.grants if g.person_id == leaver.person_id)
            role = self.dice.choice(leaver.roles)
            withdrawn = decide_withdrawal(leaver, role, grants, officer, self.town.now)
            if not isinstance(withdrawn, Refusal):
                self.town.take((withdrawn[0], *withdrawn[1]))
            return
        closed = decide_disable(leaver, officer, self.town.now)
        if not isinstance(closed, Refusal):
            self.town.take((closed,))

    def check(self) -> None:
        """Every key and grant by two others whose rights stand; nobody grew roles otherwise."""
        register = self.town.register
        for key in register.person_keys:
            assert len(set(key.enrolled_by)) == 2
            assert key.bootstrap == (key.person_id in OFFICERS and "." not in key.key_id)
            assert key.bootstrap or key.person_id not in key.enrolled_by
        for grant in register.grants:
            assert len(set(grant.granted_by)) == 2
            assert grant.bootstrap or grant.person_id not in grant.granted_by
        for one in register.people:
            standing = [g for g in register.grants if g.ended_at is None]
            mine = [g for g in standing if g.person_id == one.person_id]
            assert {(r, one.strategies_of(r)) for r in one.roles} <= {
                (g.role, g.strategies) for g in mine
            }
            assert {scope.role for scope in one.scopes} <= set(one.roles)
            assert one.held_roles() == frozenset() or one.status is PersonStatus.ACTIVE


@pytest.mark.parametrize("seed", range(4))
def test_i1_no_walk_gives_a_role_or_key_without_two_signatures_of_others(seed: int) -> None:
    """Governance 3 and 5: 200 random commands, rechecked from the signatures at the end."""
    walk = Walk(seed)
    for _ in range(COMMANDS):
        walk.step()
        walk.check()
    assert walk.reached > 0, "a walk that changes nothing shows nothing"
    assert check_register(walk.town.register) == ()
