"""Why a verdict is not for somebody, in one sentence."""

from counterseal.approvals.reasons import ReasonCode
from counterseal.desk.views.hindrance import Hindrance, HindranceKind, hindrance_of
from ui.web.case import Case
from ui.web.parts.panels import reasons
from ui.web.parts.words import money, number
from ui.web.visit import here
from ui.web.wording import say


def why_not(case: Case, word: str) -> str | None:
    """The sentence against this verdict by who is here; None when nothing speaks against it."""
    codes = next((act.codes for act in case.standing.acts if act.name == word), ())
    classes = [key.key_class for key in case.keys]
    told = hindrance_of(
        codes,
        here().person,
        case.detail.history.request.payload,
        case.bundle.approval,
        case.standing.turn,
        key_class=max(classes, default=0),
    )
    return None if told is None else _sentence(told)


def _sentence(told: Hindrance) -> str:
    people = ", ".join(told.people) or say("request.nobody_can")
    match told.kind:
        case HindranceKind.WAITING:
            return say("why_not.waiting", people=people)
        case HindranceKind.NOT_ALLOWED:
            return _not_allowed(told, people)
        case HindranceKind.BLOCKED:
            return _blocked(told, people)


def _not_allowed(told: Hindrance, people: str) -> str:
    match told.code:
        case ReasonCode.REQUESTER_IS_REVIEWER:
            return say("why_not.own", people=people)
        case ReasonCode.ALREADY_REVIEWED:
            return say("why_not.reviewed", people=people)
        case ReasonCode.AUTHOR_CONFLICT:
            return say("why_not.author", people=people)
        case ReasonCode.DELEGATION_CONFLICT:
            return say("why_not.linked", people=people)
        case ReasonCode.ROLE:
            return say("why_not.role", people=people)
        case _:
            return say("why_not.not_allowed", reason=_reason(told.code), people=people)


def _blocked(told: Hindrance, people: str) -> str:
    value, limit = told.value, told.limit
    if value is None or limit is None:
        return say("why_not.blocked", code=told.code, reason=_reason(told.code))
    if told.currency is None:
        classes = {"value": number(value), "limit": number(limit)}
        return say("why_not.key_class", code=told.code, **classes)
    most = money(limit, told.currency.value)
    asked = money(value, told.currency.value)
    return say("why_not.authority", code=told.code, value=asked, limit=most, people=people)


def _reason(code: str) -> str:
    return reasons((code,))[0]
