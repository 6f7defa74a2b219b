"""What a person was writing when their browser was sent away.

Job: keep the words of a decision and the login that asked for a fresh proof, until they come back.

Invariants
  I1  A draft belongs to one person and one version of one request, and is given back once.

Not here: the file (storage.window_notes), the login itself (ui.web.door).
Source: governance part 5 (`st.login` traps, second row).
"""

from pydantic import Field, ValidationError

from counterseal.identity.sessions import LoginSession
from counterseal.kernel.model import DomainModel, Name
from ui.web import house


class Draft(DomainModel):
    """What was not signed yet: a decision, or another act with a reason.

    Attributes:
        request_id: The request; of an act about something else, the name of its form.
    """

    request_id: Name
    version: int
    decision: str = Field(max_length=60)
    reason: str = Field(max_length=8_000)


class Pending(DomainModel):
    """Who asked for a fresh proof, and the page that they were on, about a request if it is."""

    session_id: Name
    page: Name = "request"
    request_id: Name | None = None

    @property
    def place(self) -> tuple[str, dict[str, str]]:
        """Where to lead them back to: a page and its parameters."""
        return self.page, ({} if self.request_id is None else {"id": self.request_id})


def send_away(
    session: LoginSession,
    browser: str | None,
    draft: Draft,
    place: tuple[str, str | None],
) -> None:
    """Keep what is needed after a redirect, from which only cookies come back.

    Args:
        session: Whose.
        browser: Its handle, or None where there is no browser.
        draft: What was being written.
        place: Page to come back to, and the request that it is about, if it is.

    Raises:
        AdapterError: `CREDENTIALS_FAILED`.
    """
    notes, now = house.notes(), house.CLOCK.now()
    subject = ("draft", session.person_id, draft.request_id, str(draft.version))
    notes.keep(draft.model_dump_json(), now, *subject)
    if browser is not None:
        page, about = place
        pending = Pending(session_id=session.session_id, page=page, request_id=about)
        notes.keep(pending.model_dump_json(), now, "step-up", browser)


def returned(browser: str | None) -> Pending | None:
    """The proof that this browser was sent away for, once.

    Raises:
        AdapterError: `CREDENTIALS_FAILED`.
    """
    if browser is None:
        return None
    note = house.notes().take(house.CLOCK.now(), "step-up", browser)
    return None if note is None else Pending.model_validate_json(note)


def restored(person_id: str, request_id: str, version: int) -> Draft | None:
    """The draft of a person for this very version, once.

    Raises:
        AdapterError: `CREDENTIALS_FAILED`.
    """
    subject = ("draft", person_id, request_id, str(version))
    note = house.notes().take(house.CLOCK.now(), *subject)
    try:
        return None if note is None else Draft.model_validate_json(note)
    except ValidationError:
        return None
