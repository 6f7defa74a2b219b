"""A house of windows in which the law changes: an author, two approvers, a policy folder."""

from pathlib import Path
from typing import Self

from tests.desk.policy_room import STAFF, PolicyWorld
from tests.ui.sealed_keys import seal_people
from tests.ui.web.web_room import WebHouse


class LawHouse(WebHouse, PolicyWorld):
    """A house that may have policy people; who proposes in it needs `a_sample_is_enough`."""

    @property
    def folder(self) -> Path:
        return self.root / "policies"

    def staffed(self) -> Self:
        super().staffed()
        seal_people(self, *STAFF)
        return self
