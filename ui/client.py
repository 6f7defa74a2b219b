"""The desk for a person's own Python program: look, ask, sign, decide.

Job: open a home as one person by their own key, and give a program what a terminal gives.

Invariants
  I1  Nobody acts before their own key was opened with their passphrase; looking asks for neither.
  I2  What will be signed is given out in its exact bytes first; the signature is a second call,
      and the opened key signs once.
  I3  A wrong passphrase counts against the same limit as at the terminal.

Not here: rules (desk), commands (ui.cli), pages (ui.web).
Source: governance part 1 (row "reason, explanation, notices"), rule 2.10.
"""

from pathlib import Path

from counterseal.approvals.draft import RequestTerms
from counterseal.approvals.statement import KIND
from counterseal.desk.approvals import Preparation
from counterseal.desk.commands import Outcome
from counterseal.desk.comments import PreparedReview
from counterseal.desk.views.approvals import RequestDetail
from counterseal.desk.views.duties import Duties, Explanation, duties, explanation
from counterseal.kernel.model import Refusal
from counterseal.policy.words import DecisionWord
from storage.home_reader import read_home
from storage.settings import Settings
from ui.cli.cases import SHOWN_EXACTLY, active_bundle, case_shown
from ui.cli.session import CLOCK, desk_at, proved, settings_for


class Client:
    """A home, looked at by a program; what it shows proves nothing of who looks.

    Args:
        home: The folder; None for the one that the environment names.

    Raises:
        InputError: those of `settings_for`; of every call also those of `storage.home_reader`.
    """

    def __init__(self, home: Path | None = None) -> None:
        self._settings = settings_for(home)

    def inbox(self, person_id: str) -> Duties | Refusal:
        """What waits for a person, what ends first first; `NOT_FOUND`."""
        now = CLOCK.now()
        with read_home(self._settings) as reader:
            return duties(reader, active_bundle(reader), person_id, now)

    def why(self, request_id: str, person_id: str) -> Explanation | Refusal:
        """Every reason against each act of a person on a request, and who must act; `NOT_FOUND`."""
        now = CLOCK.now()
        with read_home(self._settings) as reader:
            return explanation(reader, active_bundle(reader), request_id, person_id, now)

    def case(self, request_id: str) -> RequestDetail | Refusal:
        """What a reviewer is shown of a request; `NOT_FOUND`."""
        return case_shown(self._settings, request_id)

    def act_as(self, person_id: str, passphrase: str) -> "Acting":
        """One person, proved by opening their own key, for any acts and for one signature.

        Raises:
            InputError: those of `ui.cli.session.proved`.
            IntegrityError: those of `storage.homes.open_home`.
            AdapterError: the same.
        """
        return Acting(self._settings, person_id, passphrase)


class Acting:
    """One person at the desk.

    Every act is named by a key of the program's own: the same act again under the same key gives
    the outcome that it had, other words under it are refused.

    Attributes:
        desk: Every use case, for what has no method here.
        actor: The person, as each of them wants it.
    """

    def __init__(self, settings: Settings, person_id: str, passphrase: str) -> None:
        self.actor, self._opened = proved(settings, person_id, lambda: passphrase)
        self.desk = desk_at(settings)

    def request(self, signal_id: str, terms: RequestTerms, *, key: str) -> Outcome:
        """Ask for approval of a signal; refusals and errors of `desk.intake.Intake.request`."""
        now = CLOCK.now()
        return self.desk.intake.request(signal_id, terms, self.actor, now=now, key=key)

    def prepare(
        self,
        case: RequestDetail,
        decision: DecisionWord,
        reason: str,
        *,
        key: str,
        grant_id: str | None = None,
    ) -> Preparation:
        """The statement to look at and to sign, about the case as it was shown.

        Args:
            case: As `Client.case` gave it: the hash of it is signed.
            decision: The verdict.
            reason: In the reviewer's own words.
            key: Of this act.
            grant_id: The delegation that the reviewer acts under.

        Returns:
            What is signed (`message` is its exact bytes), or a refusal of `desk.Approvals.prepare`.
        """
        return self.desk.approvals.prepare(
            case.history.request.approval_request_id,
            decision,
            reason,
            self.actor,
            shown_hash=case.shown_hash,
            opened=SHOWN_EXACTLY,
            key=f"{key}:prepare",
            grant_id=grant_id,
        )

    def decide(self, prepared: PreparedReview, *, key: str) -> Outcome:
        """Sign a prepared statement and commit it; refusals of `desk.Approvals.review`.

        Raises:
            InputError: `KEY_SPENT` for a second signature.
        """
        statement = prepared.statement
        signed = prepared.signed(self._opened.sign(KIND, statement.json_value()))
        return self.desk.approvals.review(statement.request_id, signed, self.actor, key=key)
