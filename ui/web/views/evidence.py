"""Evidence: copies that leave the log, and files that somebody was given."""

from ui.web.parts import panels
from ui.web.parts.pieces import choice, simulated
from ui.web.views import evidence_export, evidence_view
from ui.web.wording import say

EXPORT, VIEW = "export", "view"


def show() -> None:
    """The page."""
    panels.title(say("evidence.title"), say("evidence.scope"), simulated())
    named = {EXPORT: say("evidence.export"), VIEW: say("evidence.view")}
    if choice("view", say("evidence.views"), named) == VIEW:
        evidence_view.show()
    else:
        evidence_export.show()
