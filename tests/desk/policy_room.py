"""A governed world with a policy folder of its own, and people who write and approve policies."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

import pytest

from counterseal.desk.commands import Outcome
from counterseal.desk.policies import Policies
from counterseal.identity.dsse import sign_statement
from counterseal.kernel.canonical import Json
from counterseal.kernel.model import Refusal, Signature
from counterseal.policy import gate_checks
from counterseal.policy.bundle import PolicyBundle, RuleText
from counterseal.policy.gate_checks import GateReport, PolicyDraft
from counterseal.policy.params import ApprovalParameters
from counterseal.policy.proposal import PolicyProposal, vote_statement
from counterseal.policy.sweep import SweepReport, sweep
from counterseal.policy.words import Role
from storage.policy_drafts import draft_from, list_version
from storage.settings import POLICY_VERSION, Settings
from tests.core.policy.shelf import lacking, shipped
from tests.household import ORIGIN, ROOT
from tests.world import World

NEXT = "2026.12.1"
RULES = "approval.cedar"
PARAMS = "params.yaml"
STAFF: Mapping[str, Role] = {
    "scribe": Role.POLICY_AUTHOR,
    "vera": Role.POLICY_APPROVER,
    "viktor": Role.POLICY_APPROVER,
}
THRESHOLD = 'required_from_notional: "1000000"'
LOWER = (PARAMS, THRESHOLD, 'required_from_notional: "500000"')
SWEEP_EVERY = 199
_SWEPT: dict[tuple[RuleText, ApprovalParameters], SweepReport] = {}
"""What a sweep depends on, and what it found: many worlds propose the same rules."""


def a_sample_is_enough(patch: pytest.MonkeyPatch) -> None:
    """For who proposes a policy: the whole sweep has its own tests and `make torture`."""
    patch.setattr(gate_checks, "sweep", _sampled)


def _sampled(bundle: PolicyBundle) -> SweepReport:
    asked = (bundle.rules, bundle.approval)
    if asked not in _SWEPT:
        _SWEPT[asked] = sweep(bundle, every=SWEEP_EVERY)
    return _SWEPT[asked]


class PolicyWorld(World):
    """A world in which the law changes."""

    @property
    def folder(self) -> Path:
        return self.home.parent / "policies"

    @property
    def settings(self) -> Settings:
        told = super().settings
        here = self.folder.is_dir()
        return told.model_copy(update={"counterseal_policies": self.folder}) if here else told

    def staffed(self) -> Self:
        """With a folder that may be written to, an author and two approvers."""
        if not self.folder.exists():
            shutil.copytree(ROOT / "policies", self.folder)
            list_version(self.folder, POLICY_VERSION, "author", self.clock.now())
        for name, role in STAFF.items():
            self.done(
                self.desk.people.add(self.person(name), self.actor("officer-1"), key=self.key())
            )
            self.done(self.granted(name, role))
            self.done(self.enrolled(name))
        return self

    @property
    def policies(self) -> Policies:
        return Policies(self.desk.bench)

    def version(
        self, *edits: tuple[str, str, str], name: str = NEXT, author: str = "scribe"
    ) -> str:
        """A version like the shipped one, with texts of some files replaced, and listed."""
        for place in self.folder.glob(f"*/{POLICY_VERSION}"):
            shutil.copytree(place, place.with_name(name), dirs_exist_ok=True)
        for file, old, new in edits:
            (path,) = self.folder.glob(f"*/{name}/{file}")
            text = path.read_text("utf-8")
            assert old in text
            path.write_text(text.replace(old, new), "utf-8")
        list_version(self.folder, name, author, self.clock.now())
        return name

    def lacking(self, *rules: str, name: str = NEXT) -> str:
        """A version without some rules, nor the cases that expect them."""
        text = shipped().bundle.rules
        self.version((RULES, text.rules, lacking(text, *rules).rules), name=name)
        path = self.folder / "approval" / name / "tests.yaml"
        head, *cases = path.read_text("utf-8").split("\n- name: ")
        kept = [case for case in cases if not any(rule in case for rule in rules)]
        path.write_text("\n- name: ".join([head, *kept]), "utf-8")
        list_version(self.folder, name, "scribe", self.clock.now())
        return name

    def draft(self, name: str = NEXT) -> PolicyDraft:
        return draft_from(self.folder, name, self.clock.now())

    def report(self, name: str = NEXT) -> GateReport:
        return self.policies.check(self.draft(name))

    def proposed(self, name: str = NEXT, *authors: str) -> Outcome:
        return self.policies.propose(
            self.draft(name), authors, self.actor("scribe"), key=self.key()
        )

    def proposal(self, proposal_id: str) -> PolicyProposal:
        with self.store.reader() as reader:
            found = reader.get(PolicyProposal, proposal_id)
        assert found is not None
        return found

    def statement(self, proposal_id: str, name: str) -> dict[str, Json]:
        proposal = self.proposal(proposal_id)
        return vote_statement(proposal, name, f"key-of-{name}", ORIGIN, self.clock.now())

    def signed(self, name: str, statement: Mapping[str, Json]) -> Signature:
        return sign_statement(self.private_key(name), "policy", statement, f"key-of-{name}")

    def voted(self, proposal_id: str, name: str, **changes: Json) -> Outcome:
        signature = self.signed(name, self.statement(proposal_id, name) | changes)
        return self.policies.vote(proposal_id, signature, self.actor(name), key=self.key())

    def activated(self, proposal_id: str, name: str = "vera") -> Outcome:
        return self.policies.activate(proposal_id, self.actor(name), key=self.key())

    def agreed_on(self, name: str = NEXT) -> str:
        """A version that is proposed, approved twice and in force; the desk is open under it."""
        self.after(1)
        proposal_id = self.done(self.proposed(name))
        for voter in ("vera", "viktor"):
            self.done(self.voted(proposal_id, voter))
        self.done(self.activated(proposal_id))
        self.store.close()
        self.reopen()
        return proposal_id


def refusal(outcome: Outcome) -> Refusal:
    assert outcome.refusal is not None
    return outcome.refusal


def sampled(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[PolicyWorld]:
    """A world with its policy people, in which a sample of the sweep is enough."""
    a_sample_is_enough(patch)
    made = PolicyWorld(folder / "home").staffed()
    yield made
    made.store.close()
