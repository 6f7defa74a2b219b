"""`counterseal policies`: check, propose, approve, activate, show, replay, diff, manifest.

What only a check needs is loaded when one is asked for.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from counterseal.desk.installation import PolicyActivation, in_force
from counterseal.kernel.canonical import Json
from counterseal.kernel.clock import parse_utc, utc_text
from counterseal.kernel.model import Refusal
from storage.home_reader import read_home
from storage.settings import Settings
from ui.cli.acting import Act, acting
from ui.cli.options import AsJson, Home
from ui.cli.render import answer, leave, notice, refused, reject, table
from ui.cli.session import CLOCK, settings_for

if TYPE_CHECKING:
    from counterseal.desk.policies import Policies
    from counterseal.desk.views.policies import PolicyCandidate
    from counterseal.policy.counterfactual import Difference, DiffReport
    from counterseal.policy.gate_checks import GateReport, PolicyDraft
    from counterseal.policy.proposal import PolicyProposal

app = typer.Typer(no_args_is_help=True)
Version = Annotated[str, typer.Argument(help="A version of the policy folder.")]
Proposal = Annotated[str, typer.Argument(help="A proposal, as `policies show` lists it.")]
LINES_MAX = 20
"""Differences that are listed for people; JSON has all."""


@app.command()
def check(
    place: Annotated[
        str, typer.Argument(metavar="DIR-or-VERSION", help="A version, or a folder with one.")
    ],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Run the checks of the gate: rules, own tests, bounded sweep, replay diff. Nothing is written.

    Without a home there are no past decisions to hold the policy against.
    """
    settings = settings_for(home)
    draft = _draft(settings, place)
    report = _report(settings, draft)
    if report.refusal is not None:
        refused(report.refusal, as_json=as_json, more={"checks": _results(report)})
    value: dict[str, Json] = {"ok": True, "version": draft.version, "checks": _results(report)}
    if report.diff is not None:
        value["diff"] = report.diff.json_value()
    answer(value, [*_check_lines(report), *_diff_lines(report.diff)], as_json=as_json)


@app.command()
@acting
def propose(
    version: Version,
    act: Act,
    author: Annotated[
        list[str] | None, typer.Option(help="Who else wrote it; give again for more.")
    ] = None,
) -> None:
    """Check a version and put it to the vote of two people who did not write it."""
    draft = _draft(act.settings, version)
    actor, taken = act.actor, act.key
    listed = () if draft.bundle is None else draft.bundle.author_ids
    authors = sorted({*(author or ()), *listed})
    act.settled(_policies(act).propose(draft, authors, actor, key=taken), what="proposed as")


@app.command()
@acting
def approve(proposal: Proposal, act: Act) -> None:
    """See what is proposed, then sign your agreement with your own key."""
    for line in _proposal_lines(_proposal(act.settings, proposal)):
        notice(line)
    policies, actor, taken = _policies(act), act.actor, act.key
    statement = policies.statement(proposal, actor, CLOCK.now(), key_id=act.key_id)
    if isinstance(statement, Refusal):
        refused(statement, as_json=act.as_json)
    notice(f"signing: {statement['meaning']} as {actor.id}")
    outcome = policies.vote(proposal, act.sign("policy", statement), actor, key=taken)
    act.settled(outcome, what="approved")


@app.command()
@acting
def activate(
    proposal: Proposal,
    act: Act,
    effective_from: Annotated[
        str | None, typer.Option(help="RFC 3339 time from which it counts; now by default.")
    ] = None,
) -> None:
    """Bring a proposal into force that two people have approved."""
    begins = None if effective_from is None else _time(effective_from)
    policies = _policies(act)
    outcome = policies.activate(proposal, act.actor, key=act.key, effective_from=begins)
    act.settled(outcome, what="activated")


@app.command()
def show(
    version: Annotated[str | None, typer.Argument(help="One version, with its files.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Every policy that was activated, what is in force now, and what is proposed."""
    from counterseal.desk.views.policies import policy_shelf  # noqa: PLC0415 - only here

    with read_home(settings_for(home)) as reader:
        shelf = policy_shelf(reader, CLOCK.now())
    shown = [one for one in reversed(shelf.versions) if _is(one.activation, version)]
    told = [one.activation for one in shown]
    if version is not None and not told:
        reject("NOT_FOUND", "this version was never activated", field="VERSION", got=version)
    rows = [
        (a.version, _words(one.standing), utc_text(a.effective_from), a.bundle_hash)
        for one, a in zip(shown, told, strict=True)
    ]
    lines = table(rows, "VERSION", "STANDING", "FROM", "BUNDLE")
    if version is None:
        lines += ["", *_proposal_table(shelf.candidates)]
    else:
        lines += ["", *(f"{f.sha256}  {f.path}" for one in told for f in one.files)]
    listed = [one.proposal for one in reversed(shelf.candidates)] if version is None else []
    value: dict[str, Json] = {
        "in_force": None if shelf.active is None else shelf.active.bundle_hash,
        "activations": [one.json_value() for one in told],
        "proposals": [one.json_value() for one in listed],
    }
    answer(value, lines, as_json=as_json)


@app.command()
def replay(
    everything: Annotated[
        bool, typer.Option("--all", help="Every decision, not only the newest ones.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Judge recorded decisions again, each under its own policy; say where they differ.

    What a purge let go is not replayable, and is counted.
    """
    from counterseal.desk.policies import newest_evaluations  # noqa: PLC0415 - only here
    from counterseal.desk.purging import records_gone  # noqa: PLC0415 - only here
    from counterseal.policy.counterfactual import replay_recorded  # noqa: PLC0415 - only here
    from storage.law import activated_rules  # noqa: PLC0415 - only here
    from storage.parallel_replay import replay_all_recorded  # noqa: PLC0415 - only here

    with read_home(settings_for(home)) as reader:
        rules = activated_rules(reader)
        if everything:
            report = replay_all_recorded(reader, rules)
        else:
            report = replay_recorded(newest_evaluations(reader), rules)
        gone = records_gone(reader)
    same = not report.differences
    told: dict[str, Json] = {"replayable": not gone, "records_gone": gone}
    value: dict[str, Json] = {"ok": same, **told, **report.json_value()}
    lines = [f"replayed: {report.replayed} decisions, {len(report.differences)} differ"]
    if gone:
        lines.append(f"not replayable: {gone} records of cases, let go by a purge on record")
    answer(value, [*lines, *_difference_lines(report.differences)], as_json=as_json)
    if not same:
        leave(1)


@app.command()
def diff(version: Version, home: Home = None, as_json: AsJson = False) -> None:
    """Which of the newest decisions would come out otherwise under another version."""
    from counterseal.desk.policies import newest_evaluations  # noqa: PLC0415 - only here
    from counterseal.policy.counterfactual import diff_decisions  # noqa: PLC0415 - only here
    from storage.law import law_in_force  # noqa: PLC0415 - only here

    settings = settings_for(home)
    draft = _draft(settings, version)
    if draft.bundle is None:
        reject("POLICY_FLAWED", draft.flaw, field="VERSION", got=version)
    with read_home(settings) as reader:
        replaces = law_in_force(reader, CLOCK.now()).bundle.bundle_hash
        report = diff_decisions(newest_evaluations(reader), replaces, draft.bundle)
    answer(report.json_value(), _diff_lines(report), as_json=as_json)


@app.command()
def manifest(
    version: Version,
    author: Annotated[str, typer.Option(help="Who wrote it: a person of the home.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Put a version, as its files are now, on the list of the policy folder."""
    from storage.policy_drafts import list_version  # noqa: PLC0415 - only here

    folder = settings_for(home).counterseal_policies
    entry = list_version(folder, version, author, CLOCK.now())
    lines = [f"listed: {entry.version} {entry.bundle_hash}"]
    answer({"ok": True, "entry": entry.json_value()}, lines, as_json=as_json)


def _policies(act: Act) -> "Policies":
    from counterseal.desk.policies import Policies  # noqa: PLC0415 - only acting needs it

    return Policies(act.desk.bench)


def _draft(settings: Settings, place: str) -> "PolicyDraft":
    """A version of the policy folder, or the newest one of another folder."""
    from storage.policy_drafts import draft_from  # noqa: PLC0415 - only checks need it

    folder = Path(place)
    if not folder.is_dir():
        return draft_from(settings.counterseal_policies, place, CLOCK.now())
    versions = sorted(path.name for path in (folder / "approval").glob("*") if path.is_dir())
    if not versions:
        reject("POLICY_MISSING", "no version in this folder", field="DIR-or-VERSION", got=place)
    return draft_from(folder, versions[-1], CLOCK.now())


def _report(settings: Settings, draft: "PolicyDraft") -> "GateReport":
    from counterseal.desk.policies import newest_evaluations  # noqa: PLC0415 - only checks need it
    from counterseal.kernel.canonical import digest  # noqa: PLC0415 - the same
    from counterseal.policy.gate_checks import check_draft  # noqa: PLC0415 - the same

    if not settings.database.present():
        return check_draft(draft, (), digest(None))
    with read_home(settings) as reader:
        active = in_force(reader.find(PolicyActivation), CLOCK.now())
        replaces = digest(None) if active is None else active.bundle_hash
        return check_draft(draft, newest_evaluations(reader), replaces)


def _proposal(settings: Settings, proposal_id: str) -> "PolicyProposal":
    from counterseal.policy.proposal import PolicyProposal  # noqa: PLC0415 - only votes need it

    with read_home(settings) as reader:
        found = reader.get(PolicyProposal, proposal_id)
    if found is None:
        reject("NOT_FOUND", "no such proposal", field="PROPOSAL", got=proposal_id)
    return found


def _time(text: str) -> datetime:
    try:
        return parse_utc(text)
    except ValueError as error:
        reject("BAD_TIME", str(error), field="--effective-from", got=text)


def _is(one: PolicyActivation, version: str | None) -> bool:
    return version in {None, one.version, one.bundle_hash}


def _words(standing: StrEnum) -> str:
    return standing.value.replace("_", " ")


def _proposal_table(candidates: "Sequence[PolicyCandidate]") -> list[str]:
    rows = [
        (
            one.proposal.proposal_id,
            one.proposal.version,
            _words(one.standing),
            utc_text(one.proposal.expires_at),
            ",".join(one.proposal.author_ids),
        )
        for one in reversed(candidates)
    ]
    return table(rows, "PROPOSAL", "VERSION", "STANDING", "UNTIL", "AUTHORS")


def _proposal_lines(proposal: "PolicyProposal") -> list[str]:
    steps = [f"{c.step.value:<11} {c.checked} checked, {c.found} found" for c in proposal.checks]
    return [
        f"proposal    {proposal.proposal_id} of version {proposal.version}",
        f"bundle      {proposal.bundle_hash}",
        f"replaces    {proposal.replaces}",
        f"diff        {proposal.diff_hash}",
        f"authors     {', '.join(proposal.author_ids)}",
        *steps,
    ]


def _results(report: "GateReport") -> list[Json]:
    return [result.json_value() for result in report.results]


def _check_lines(report: "GateReport") -> list[str]:
    from counterseal.policy.sweep import WORDS  # noqa: PLC0415 - only checks need it

    rows = [(result.step.value, result.checked, result.found) for result in report.results]
    return [*table(rows, "STEP", "CHECKED", "FOUND"), f"sweep: {WORDS}"]


def _diff_lines(report: "DiffReport | None") -> list[str]:
    if report is None:
        return []
    head = (
        f"diff: {len(report.flips)} of {report.decisions} decisions would flip,"
        f" {report.reasons_changed} would have other reasons"
    )
    return [head, *_difference_lines(report.flips)]


def _difference_lines(differences: "Sequence[Difference]") -> list[str]:
    lines = [
        f"{one.evaluation_id}  {one.action.value} of {one.subject} by {one.principal}:"
        f" {one.recorded} -> {one.now}"
        for one in differences[:LINES_MAX]
    ]
    more = len(differences) - len(lines)
    return [*lines, f"and {more} more; --json has all"] if more else lines
