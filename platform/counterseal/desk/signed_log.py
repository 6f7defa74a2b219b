"""What people signed, checked in the log's own bytes.

Job: read a log once in order and name every record that says of a person what they did not sign.

Whoever holds every secret of a server can write a log that is consistent in itself. What they
cannot make are the signatures of people; so each document that a person signs is checked at the
record that carries it, and every key and role back to the founding when all is read.

Invariants
  I1  Tables are never read: what counts is what records say, in the order of the log.
  I2  Only records in which a signature or a person may stand are parsed; others cost two searches.
  I3  A document that states a signature is checked whatever the type and stream of its record; one
      that states none gives nobody a key, a role or a decision. Purges, rollbacks and policies are
      also found by the types that make them count.
  I4  Work on a log that is gone on from is linear in its new records, plus what was recorded about
      people before, plus the earlier records of cases that are decided further.

Not here: chain and columns (audit.walk), absent records (audit.purges), the single documents
(desk.signed_documents), decisions (desk.signed_cases).
Source: audit-log design, part "verify" (APPROVER_SIG_INVALID); governance rules, part 8, test 5.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Final, TypeVar

from pydantic import ValidationError

from counterseal.approvals.batch import key_signature
from counterseal.approvals.carrying import CaseVersion
from counterseal.approvals.delegation import DelegationGrant
from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.audit.accounts import TOLD_TYPES
from counterseal.audit.findings import Findings
from counterseal.audit.purges import is_purged
from counterseal.audit.record import StoredRow, load_canonical
from counterseal.audit.retention import STREAM as RETENTION
from counterseal.audit.retention import Purge
from counterseal.audit.rollback import ROLLED_BACK, Rollback
from counterseal.audit.rollback import STREAM as ROLLBACKS
from counterseal.audit.verdict import Finding
from counterseal.desk.account_reconciling import STREAM as RECONCILIATION
from counterseal.desk.approvals import case_stream
from counterseal.desk.delegations import STREAM as DELEGATIONS
from counterseal.desk.discrepancies import AccountLock
from counterseal.desk.installation import PolicyActivation
from counterseal.desk.mandates import STREAM as MANDATES
from counterseal.desk.people import STREAM as PEOPLE
from counterseal.desk.policies import STREAM as POLICIES
from counterseal.desk.setup import STREAM as SYSTEM
from counterseal.desk.signed_cases import SignedCases
from counterseal.desk.signed_documents import SignedSoFar, problem_of
from counterseal.identity.access_reviews import AccessReview
from counterseal.identity.attestations import ControlAttestation
from counterseal.identity.keys import PersonKey
from counterseal.identity.mandate import SubmitMandate
from counterseal.identity.people import Person, RoleGrant
from counterseal.identity.proposals import PeopleProposal, Register
from counterseal.identity.recheck import check_register
from counterseal.identity.signatures import verify_signed
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.errors import InputError, IntegrityError
from counterseal.kernel.model import Document, Signature
from counterseal.policy.proposal import PolicyVote
from counterseal.risk.override import RiskOverride

D = TypeVar("D", bound=Document)
MARKS: Final = (b'"signature', b'"people":[')
"""One of these stands in a record that the pass must read."""
ACTIVATED: Final = "policy.activated"
TYPES: Final = TOLD_TYPES | {ROLLED_BACK, ACTIVATED}
"""Types of the other records that it must read."""
EARLIER: Final = (SYSTEM, PEOPLE, DELEGATIONS, MANDATES, POLICIES, RETENTION, ROLLBACKS)
"""Streams that tell of people, keys and roles: read from the start when a log is gone on from."""
InStreams = Callable[..., Iterable[StoredRow]]
"""Stored rows of the named streams, in order of `seq`."""

_NAMED: Final[Mapping[type[Document], str]] = {
    PeopleProposal: "proposal",
    Person: "person",
    PersonKey: "key",
    RoleGrant: "grant",
    DelegationGrant: "delegation",
    SubmitMandate: "mandate",
    PolicyVote: "vote",
    PolicyActivation: "policy",
    AccessReview: "access_review",
    ControlAttestation: "attestation",
    RiskOverride: "override",
    AccountLock: "lock",
    Purge: "purge",
    Rollback: "rollback",
}
"""Kinds in the order in which those of one record are judged: who agrees, before what comes."""
_LAYERS: Final = {kind.KIND: name for kind, name in _NAMED.items()}
_NAME_MAX: Final = 120
_REVOKED: Final = ("request_id", "request_version", "payload_hash", "prev_decision_hashes")


class SignedLog:
    """A log so far.

    Args:
        in_streams: Reads stored rows of some streams, those before `start` too.
        start: First record that is fed; what was recorded about people before is read at once.
    """

    def __init__(self, in_streams: InStreams, start: int = 0) -> None:
        self._in_streams = in_streams
        self._start = start
        self._findings = Findings()
        self._known = SignedSoFar()
        self._cases = SignedCases(self._known, self._version)
        self._seqs: dict[tuple[str, str], int] = {}
        self._gaps: set[str] = set()
        self._seen: set[int] = set()
        self._began = self._locks_known = start == 0

    def tapped(self, rows: Iterable[StoredRow]) -> Iterator[StoredRow]:
        """The same rows, each looked at on its way."""
        mark, people = MARKS
        for row in rows:
            body = row.body
            if (
                type(body) is not bytes
                or not body
                or row.type in TYPES
                or mark in body
                or people in body
            ):
                self.take(row)
            yield row

    def take(self, row: StoredRow) -> None:
        """Look at a row; those without a mark, of other types and not purged need not be given."""
        if not self._began:
            self._began = True
            self._before(EARLIER)
        if type(row.seq) is int and type(row.body) is bytes and row.seq >= self._start:
            self._take(row)

    def close(self) -> Findings:
        """What was found, with every key and role rechecked; call it once."""
        known = self._known
        if not known.names or self._gaps.intersection(EARLIER):
            return self._findings
        origin, *former = known.names
        register = Register(
            origin=origin,
            former=tuple(former),
            people=tuple(known.people.values()),
            person_keys=tuple(known.person_keys.values()),
            grants=tuple(known.roles.values()),
        )
        for fault in check_register(register):
            seq = self._seqs.get((fault.kind, fault.key), 0)
            self._add(seq, _LAYERS[fault.kind], fault.key, fault.problem)
        return self._findings

    def _before(self, streams: Iterable[str]) -> None:
        for row in self._in_streams(*streams):
            if type(row.seq) is int and row.seq < self._start and type(row.body) is bytes:
                self._take(row)

    def _take(self, row: StoredRow) -> None:
        if is_purged(row):
            self._gaps.add(row.stream)
        if row.seq in self._seen or is_purged(row):
            return
        try:
            record = load_canonical(row.body)
        except InputError:
            return
        if row.seq < self._start:
            self._seen.add(row.seq)
        name = record.get("origin")
        if type(name) is str and 0 < len(name) <= _NAME_MAX and all(map(_is_plain, name)):
            self._known.names[name] = None
        grouped = _object(_object(record.get("after")).get("documents"))
        if AccountLock.KIND in grouped and not self._locks_known:
            self._locks_known = True
            self._before((RECONCILIATION,))
        signed = self._documents(row.seq, grouped) | self._decisions(row, grouped)
        self._event(row.seq, record, grouped, signed)

    def _documents(self, seq: int, grouped: Mapping[str, object]) -> set[str]:
        """Judge what people sign beside decisions; the signatures on it."""
        signed: set[str] = set()
        for kind, layer in _NAMED.items():
            for document in self._parsed(seq, kind, layer, grouped):
                problem = problem_of(self._known, document)
                if problem:
                    self._add(seq, layer, document.key, problem)
                self._place(seq, document)
                own = (getattr(document, "signature", None), *getattr(document, "signatures", ()))
                signed |= {one.digest for one in own if isinstance(one, Signature)}
        return signed

    def _place(self, seq: int, document: Document) -> None:
        """Remember where a key or grant began, and where a person was told of last."""
        name = (document.KIND, document.key)
        if isinstance(document, Person) or name not in self._seqs:
            self._seqs[name] = seq

    def _decisions(self, row: StoredRow, grouped: Mapping[str, object]) -> set[str]:
        """Judge the decisions of a record; the signatures on them."""
        if ApprovalDecision.KIND not in grouped:
            return set()
        decisions = self._parsed(row.seq, ApprovalDecision, "decision", grouped)
        requests = self._parsed(row.seq, ApprovalRequest, "request", grouped)
        names = {one.approval_request_id for one in decisions}
        if self._start <= row.seq and self._start:
            self._before(case_stream(one) for one in names if not self._cases.knows(one))
        gaps = any(case_stream(one) in self._gaps for one in names)
        for decision, problem in self._cases.problems(requests, decisions, gaps=gaps):
            self._add(row.seq, "decision", decision.key, problem)
        return {key_signature(one).digest for one in decisions}

    def _event(
        self,
        seq: int,
        record: Mapping[str, object],
        grouped: Mapping[str, object],
        signed: set[str],
    ) -> None:
        """Judge the signature of the record itself, when no document of it carries the same."""
        if record.get("approver_sig") is None:
            return
        try:
            signature = Signature.model_validate_json(_bytes(record["approver_sig"]))
            if signature.digest in signed:
                return
            stated = self._stated(signature)
        except (InputError, IntegrityError, ValidationError) as error:
            words = "it is no signature" if isinstance(error, ValidationError) else error.message
            self._add(seq, "event", str(record.get("event_id")), words)
            return
        if record.get("type") == "approval.revoked" and not self._is_about(seq, stated, grouped):
            self._add(seq, "event", str(record.get("event_id")), "another case was revoked")

    def _stated(self, signature: Signature) -> Mapping[str, object]:
        """The statement of an event's signature, when a key that counts made it.

        Raises:
            IntegrityError: `SIGNATURE_INVALID`.
            InputError: `UNKNOWN_STATEMENT_KIND`.
        """
        key = self._known.person_keys.get(signature.key_id)
        if key is None or key.revoked_at is not None:
            raise IntegrityError("SIGNATURE_INVALID", "its key did not count here")
        kind = signature.payload_type.removesuffix(".v1+json").rpartition(".")[2]
        return verify_signed(signature, key, kind)

    def _is_about(
        self, seq: int, stated: Mapping[str, object], grouped: Mapping[str, object]
    ) -> bool:
        """Whether a revocation was signed for the case that its record ends."""
        cases = self._parsed(seq, ApprovalRequest, "request", grouped)
        meant = [
            (one.approval_request_id, one.version, one.request_hash, [one.latest_chain_hash])
            for one in cases
        ]
        return [tuple(stated.get(name) for name in _REVOKED)] == meant

    def _version(self, request_id: str) -> CaseVersion | None:
        """A case as its own records hold it."""
        requests: list[ApprovalRequest] = []
        decisions: dict[str, ApprovalDecision] = {}
        for row in self._in_streams(case_stream(request_id)):
            if type(row.body) is not bytes or is_purged(row):
                return None
            try:
                record = load_canonical(row.body)
            except InputError:
                continue
            grouped = _object(_object(record.get("after")).get("documents"))
            requests += _read(ApprovalRequest, grouped)[0]
            decisions |= {one.key: one for one in _read(ApprovalDecision, grouped)[0]}
        mine = [one for one in requests if one.approval_request_id == request_id]
        made = [one for one in decisions.values() if one.approval_request_id == request_id]
        if not mine:
            return None
        ordered = tuple(sorted(made, key=lambda one: one.sequence))
        return CaseVersion(request=mine[-1], decisions=ordered)

    def _parsed(
        self, seq: int, kind: type[D], layer: str, grouped: Mapping[str, object]
    ) -> list[D]:
        found, odd = _read(kind, grouped)
        for _ in range(odd):
            self._add(seq, layer, "", "it is no document of its kind")
        return found

    def _add(self, seq: int, layer: str, key: str, words: str) -> None:
        place = f"{layer}:{key}" if key else layer
        shown = "".join(c if _is_plain(c) else "?" for c in place)[:_NAME_MAX]
        self._findings.add(seq, Finding.APPROVER_SIG_INVALID, shown, words)


def _read(kind: type[D], grouped: Mapping[str, object]) -> tuple[list[D], int]:
    """The documents of a kind in a record, and how many are none."""
    values = grouped.get(kind.KIND, [])
    if not isinstance(values, list):
        return [], 1
    found: list[D] = []
    for value in values:
        with suppress(InputError, ValidationError):
            found.append(kind.model_validate_json(_bytes(value)))
    return found, len(values) - len(found)


def _bytes(value: object) -> bytes:
    return canonical_bytes(value)  # type: ignore[arg-type]  # parsed JSON


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _is_plain(character: str) -> bool:
    return "!" <= character <= "~"
