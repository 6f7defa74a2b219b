"""The ways of deciding that the deterministic day shows, read from its home."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from counterseal.approvals.batch import statement_of
from counterseal.approvals.comments import CaseComment
from counterseal.approvals.delegation import DelegationGrant
from counterseal.approvals.model import ApprovalDecision, ApprovalRequest, RequestStatus
from counterseal.identity.keys import PersonKey
from flows.day.governance import Way
from flows.day.home import DATABASE, demo_settings
from flows.day.markets import TICK, DayMarket
from flows.day.plan import AUTOMATIC, COMPLIANCE, DEPUTY, QUANT, RESEARCH, RISK, DayPlan, Topic
from flows.day.plans import demo_market, demo_plan
from flows.day.results import CaseResult, DaySummary
from flows.day.run import run_day
from storage.home_reader import HomeReader, read_home
from storage.settings import Settings
from tests.core.identity.programs import shell_status
from tests.day.conftest import SEED
from tests.day.replays import log_of
from tests.day.tick_days import said_on, since
from ui.cli.day_signatures import export_signatures

Day = tuple[Path, DaySummary]
NEWEST = "SELECT CAST(body AS TEXT) FROM audit_records ORDER BY seq DESC LIMIT 1"


@pytest.fixture
def reader(finished_day: Day, settings: Settings) -> Iterator[HomeReader]:
    with read_home(demo_settings(finished_day[0], settings)) as opened:
        yield opened


def case_of(day: Day, topic: Topic) -> CaseResult:
    [case] = [case for case in day[1].cases if case.topic is topic]
    return case


def decided(reader: HomeReader, request_id: str) -> tuple[ApprovalDecision, ...]:
    found = reader.find(ApprovalDecision, approval_request_id=request_id)
    return tuple(sorted(found, key=lambda decision: decision.sequence))


def told(day: Day, way: Way) -> tuple[int, dict[str, str]]:
    """How often a way of deciding occurred, and the facts of the first."""
    [one] = [one for one in day[1].shown if one.what is way]
    return one.times, {fact.name: fact.value for fact in one.told}


def test_every_way_of_deciding_occurs_and_is_told(finished_day: Day) -> None:
    """N6, N8, N10, N12: each found in the recorded documents, none repeated from the plan."""
    assert [one.what for one in finished_day[1].shown] == list(Way)


def test_a_deputy_decides_in_the_name_of_risk_under_a_signed_grant(
    finished_day: Day, reader: HomeReader
) -> None:
    """N8, governance 2.6: the decision names the grant, whose scope covers the case."""
    research, risk = decided(reader, case_of(finished_day, Topic.DELEGATED).request_id)
    assert (research.reviewer_id, risk.reviewer_id, risk.on_behalf_of) == (RESEARCH, DEPUTY, RISK)
    grant = reader.get(DelegationGrant, str(risk.grant_id))
    assert grant is not None
    assert grant.signature is not None
    assert grant.valid_until == demo_market().ends_at
    assert AUTOMATIC in risk.demo_labels
    assert told(finished_day, Way.DELEGATED)[1]["in_the_name_of"] == RISK


def test_one_signature_of_research_decides_two_cases_and_each_proves_itself(
    finished_day: Day, reader: HomeReader
) -> None:
    """N12, governance 2.7: the same batch signature, a path of its own for each."""
    cases = [case for case in finished_day[1].cases if case.topic is Topic.BATCH]
    leaves = [decided(reader, case.request_id)[0] for case in cases]
    paths = [leaf.batch for leaf in leaves]
    assert len(paths) == 2
    assert {path.signature.signature for path in paths if path} == {paths[0].signature.signature}  # type: ignore[union-attr]  # checked
    for leaf in leaves:
        key = reader.get(PersonKey, leaf.key_id)
        assert key is not None
        assert statement_of(leaf, key).request_id == leaf.approval_request_id
    assert {case.request for case in cases} == {RequestStatus.CONSUMED}


def test_a_smaller_version_carries_research_and_risk_decides_it(
    finished_day: Day, reader: HomeReader
) -> None:
    """N6, governance 2.3: four contracts become two; one decision carries, one is new."""
    old, new = (case_of(finished_day, topic) for topic in (Topic.SUPERSEDED, Topic.AMENDED))
    assert [old.quantity, new.quantity, *new.fills] == [4, 2, 2]
    research, risk = decided(reader, new.request_id)
    assert research.carried is not None
    assert research.carried.approval_request_id == old.request_id
    assert (risk.reviewer_id, risk.carried) == (RISK, None)
    version = reader.get(ApprovalRequest, new.request_id)
    assert version is not None
    assert (version.version, version.supersedes) == (2, old.request_id)


def test_what_was_sent_back_is_talked_about_and_asked_again(
    finished_day: Day, reader: HomeReader
) -> None:
    """Governance 2.1, 2.3: a thread beside the case; the new request cites the old one."""
    old, new = (case_of(finished_day, topic) for topic in (Topic.NEEDS_DATA, Topic.ASKED_AGAIN))
    again = reader.get(ApprovalRequest, new.request_id)
    assert again is not None
    assert again.payload.answers == old.request_id
    comments = sorted(reader.find(CaseComment), key=lambda comment: comment.created_at)
    assert [comment.person_id for comment in comments] == [QUANT, RISK]
    assert {comment.approval_request_id for comment in comments} == {old.request_id}
    assert comments[1].reply_to == comments[0].comment_id


def test_compliance_signs_as_openssh_does_and_no_key_of_it_lies_here(
    finished_day: Day, reader: HomeReader
) -> None:
    """Governance 3, K2: class 2, enrolled by two officers; the home has no file of that key."""
    *_, last = decided(reader, case_of(finished_day, Topic.LARGEST).request_id)
    key = reader.get(PersonKey, last.key_id)
    assert key is not None
    assert (last.reviewer_id, key.scheme, last.key_class) == (COMPLIANCE, "sshsig", 2)
    assert len(set(key.enrolled_by)) == 2
    assert not [path for path in finished_day[0].rglob("*key*") if COMPLIANCE in path.name]


def test_the_refused_attempt_names_its_rule(finished_day: Day) -> None:
    """N10: who tried, why not, and by which rules."""
    case = case_of(finished_day, Topic.SELF_APPROVAL)
    assert "sod.requester_may_not_review" in case.rules
    times, facts = told(finished_day, Way.REFUSED)
    assert (times, facts["who"], facts["reason"]) == (1, QUANT, "REQUESTER_IS_REVIEWER")


def test_every_answer_of_the_rules_is_the_same_again(finished_day: Day) -> None:
    """N3: replayed at the end of the day, verdict and rule ids."""
    assert finished_day[1].replayed > 60
    assert finished_day[1].replay_differs == 0


def test_reviewers_are_counted(finished_day: Day, reader: HomeReader) -> None:
    """N11: every decision of the day once, carried ones not; automatic haste is told as it is."""
    records = {record.person_id: record for record in finished_day[1].reviewers}
    own = [one for one in reader.find(ApprovalDecision) if one.carried is None]
    assert sum(record.decisions for record in records.values()) == len(own)
    assert (records[DEPUTY].decisions, records[RESEARCH].bulk) == (1, 2)
    assert all(AUTOMATIC in record.labels for record in records.values())


class Killed(Exception):  # noqa: N818 - no error
    """The program ends here."""


def two_cases() -> tuple[DayPlan, DayMarket]:
    """The two cases of the ceremony, and a market that closes after them."""
    plan, market = demo_plan(SEED), demo_market()
    script = tuple(case for case in plan.script if case.topic is Topic.BATCH)
    found = said_on(market)[9:11]
    ends_at = found[-1].at + timedelta(minutes=3)
    shorter = replace(market, moments=since(market, found[0].at - TICK), ends_at=ends_at, closes=())
    return plan.amended(script=script), shorter


def newest_record(out: Path) -> str:
    path = out / DATABASE
    if not path.is_file():
        return ""
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute(NEWEST).fetchone())


def killed_at(kind: str, out: Path, settings: Settings) -> None:
    """A run of the two cases that dies as soon as a record of this kind is durable."""
    plan, market = two_cases()

    def after_step(step: str) -> None:
        if kind in newest_record(out):
            raise Killed(step)

    with pytest.raises(BaseExceptionGroup) as died:
        run_day(out, settings, plan, market, after_step=after_step)
    assert died.group_contains(Killed)


def digest_of(out: Path) -> str:
    return hashlib.sha256(repr(log_of(out)).encode()).hexdigest()


def test_a_ceremony_that_was_killed_is_ended_with_what_was_prepared(
    settings: Settings, tmp_path: Path
) -> None:
    """I1 of the loop, N12: the same log, whether it died before or between the decisions."""
    whole = run_day(tmp_path / "whole", settings, *two_cases())
    assert [one.what for one in whole.shown] == [Way.BATCH]
    for kind in ("batch.prepared", "approval.decided"):
        out = tmp_path / kind
        killed_at(kind, out, settings)
        assert digest_of(out) != digest_of(tmp_path / "whole")
        run_day(out, settings, *two_cases())
        assert digest_of(out) == digest_of(tmp_path / "whole")


def test_the_exported_signatures_hold_for_other_programs(finished_day: Day, tmp_path: Path) -> None:
    """N1: openssl and ssh-keygen agree, and a changed message does not pass."""
    told = export_signatures(finished_day[0], finished_day[1].json_value(), tmp_path / "out")
    assert told is not None
    assert [shell_status(command, told.folder) for command in told.commands] == [0, 0, 0]
    message = told.folder / "decision-3.message"
    message.write_bytes(message.read_bytes().replace(b"approved", b"rejected", 1))
    assert shell_status(told.commands[2], told.folder) != 0
