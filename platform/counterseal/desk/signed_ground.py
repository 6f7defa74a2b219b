"""People, keys and roles at a place of the log, and whether somebody signed there.

Job: answer for one place of the log whose key counts, who holds which role, and who signed what.

Invariants
  I1  A signature counts under a key that the log had at that place and had not ended: the order of
      the records decides, whatever times they state.
  I2  What was verified counts again for the same person and the same statement only.

Not here: what the log says (desk.signed_documents feeds it), keys and roles back to the founding
(identity.recheck).
Source: governance rules, parts 3 and 5; audit-log design, part "verify".
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person, RoleGrant
from counterseal.identity.proposals import signature_problem
from counterseal.kernel.canonical import Json, canonical_bytes, digest
from counterseal.kernel.model import Signature
from counterseal.policy.words import Role

ANOTHER: Final = "another one was put in its place"


class SignedGround:
    """Who could sign what.

    Attributes:
        names: Names that the log had.
        people, person_keys, roles: The last version of each, by id.
    """

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self.people: dict[str, Person] = {}
        self.person_keys: dict[str, PersonKey] = {}
        self.roles: dict[str, RoleGrant] = {}
        self._verified: set[str] = set()

    def key_problem(self, key_id: str, person_id: str, at: datetime | None = None) -> str:
        """Why a key signs nothing for a person at this place of the log."""
        key = self.person_keys.get(key_id)
        if key is None or key.person_id != person_id:
            return "its key is not the person's"
        if key.revoked_at is not None:
            return "its key had ended before"
        return "" if at is None or key.effective_at <= at else "its key did not count yet"

    def holds_role(self, person_id: str, *roles: Role) -> bool:
        """Whether one of these roles was given to a person and not taken back."""
        return any(True for _ in self._standing(person_id, roles))

    def reaches(self, person_id: str, role: Role, strategy_id: str) -> bool:
        """Whether a role was given to a person that reaches a strategy."""
        grants = self._standing(person_id, (role,))
        return any(not g.strategies or strategy_id in g.strategies for g in grants)

    def _standing(self, person_id: str, roles: Sequence[Role]) -> Iterator[RoleGrant]:
        mine = (g for g in self.roles.values() if g.person_id == person_id and g.role in roles)
        return (grant for grant in mine if grant.ended_at is None)

    def signed(
        self,
        kind: str,
        signature: Signature | None,
        person_id: str,
        statement: Mapping[str, Json],
        at: datetime | None = None,
    ) -> str:
        """Why a person did not sign a statement; one that was verified before stays signed."""
        if signature is None:
            return "nobody signed it"
        told = {"signature": signature.json_value(), "statement": dict(statement)}
        name = digest({"person": person_id, **told})
        if name in self._verified:
            return ""
        key = self.person_keys.get(signature.key_id)
        problem = self.key_problem(signature.key_id, person_id, at)
        if problem or key is None:
            return problem
        text = canonical_bytes(dict(statement)).decode()
        problem = signature_problem(signature, key, kind, text)
        if not problem:
            self._verified.add(name)
        return problem

    def barred(self, person_id: str, *roles: Role) -> str:
        """Why a person may not do what one of these roles may; empty when they may."""
        person = self.people.get(person_id)
        if person is None or not person.active:
            return "the signer was no active person of this home"
        return "" if self.holds_role(person_id, *roles) else "nobody gave the signer this right"

    def here(self, name: object) -> str:
        """Why a name is none of this log; empty when it is one."""
        return "" if name in self.names else "it was signed for another log"
