"""Ground on which homes are founded, and what a whole one looks like."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from unittest.mock import patch

from counterseal.audit.verify import Evidence, head_of_signer, verify_log
from counterseal.identity import sealing
from counterseal.identity.people import Person
from counterseal.kernel.ids import SeededIdSource
from storage.founding import SITE, HomePlan, found_home
from storage.home_keys import Officer, keys_folder, open_log_key
from storage.homes import read_home
from storage.journal import AfterStep, no_observer
from storage.reconcile import reconcile
from storage.settings import Settings
from storage.signers import read_state, state_file
from storage.system import ReplayClock
from tests.household import ORIGIN, ROOT, START, OneQuote

derived_once = patch.object(sealing, "_derive", cache(sealing._derive))
"""Each passphrase and salt is derived once a process; ids are seeded, so both recur."""
SECRET = "a long passphrase for tests"
PLAN = HomePlan(
    origin=ORIGIN,
    tenant="tenant-1",
    officers=(Officer("ann", SECRET), Officer("bob", SECRET)),
    account_id="acct-paper-1",
    opening_cash=Decimal(1_000_000),
)


@dataclass(frozen=True)
class Ground:
    """Where a home may be founded."""

    folder: Path
    settings: Settings

    def found(self, plan: HomePlan = PLAN, after_step: AfterStep = no_observer) -> None:
        found_home(
            self.settings,
            plan,
            clock=ReplayClock(START),
            ids=SeededIdSource("test"),
            feed=OneQuote(),
            after_step=after_step,
        )

    def files(self) -> set[str]:
        return {p.relative_to(self.folder).as_posix() for p in self.folder.rglob("*")}

    @property
    def state(self) -> Path:
        return state_file(self.settings.counterseal_signer_state, ORIGIN)

    def is_whole(self) -> None:
        """The home verifies with the signer's memory, opens, and nothing else lies about."""
        head = head_of_signer(read_state(self.settings.counterseal_signer_state, ORIGIN))
        key = open_log_key(self.settings)
        with read_home(self.settings) as reader:
            records = list(reader.records())
            evidence = Evidence(log_key=key.key, heads=(head,))
            verdict = verify_log(records, reader.checkpoints(), evidence)
            assert {person.person_id for person in reader.find(Person)} == {"ann", "bob"}
        assert (verdict.outcome, verdict.totals.unsealed) == ("ok", 0)
        assert head.size == len(records)
        assert reconcile(self.settings.database).clean
        assert sorted(p.name for p in keys_folder(self.settings).iterdir()) == [
            "ann.key.json",
            "bob.key.json",
        ]
        assert not list(self.folder.rglob(SITE))
        assert list(self.settings.counterseal_signer_state.iterdir()) == [self.state]


def ground_at(folder: Path, name: str) -> Ground:
    (folder / "secret").write_text(SECRET + "\n", "utf-8")
    told = Settings(
        counterseal_home=folder / "homes" / name,
        counterseal_policies=ROOT / "policies",
        counterseal_signer_state=folder / "signer",
        counterseal_log_key_passphrase_file=folder / "secret",
    )
    return Ground(folder, told)
