"""A restored backup: refused, declared by two people, and gone on with."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from counterseal.audit.rollback import (
    LogHead,
    check_loss,
    check_old_head,
    newest_origin,
)
from counterseal.audit.signer import SignerState
from counterseal.desk.commands import Outcome
from counterseal.kernel.errors import AdapterError, InputError, IntegrityError
from counterseal.kernel.model import Refusal
from flows.work import judge_log
from flows.workplace import Workplace
from storage import recovery
from storage.home_keys import first_log_key, open_log_key
from storage.reconcile import reconcile
from storage.recovery import pending_rollback
from storage.signers import read_state
from tests.ground import Ground
from tests.household import ORIGIN
from tests.storage.recovery_room import (
    NEXT,
    approval,
    approved,
    beat,
    planned,
    recovered,
    restored,
    size_of,
)

__all__ = ["restored"]


def test_a_restored_home_stands_still_until_somebody_declares_it(restored: Ground) -> None:
    """Signer I2: a command is refused, and nothing is signed."""
    before = size_of(restored)
    with pytest.raises(IntegrityError, match="ROLLBACK"):
        beat(restored, "another")
    assert size_of(restored) == before


def test_the_plan_names_what_is_lost_and_changes_nothing(restored: Ground) -> None:
    """Rollback I1, I3: old head, kept head, and the old name's signed checkpoint."""
    plan = planned(restored)
    assert (plan.old_origin, plan.origin, plan.epoch) == (ORIGIN, NEXT, 1)
    assert plan.lost == (plan.signed.size - 3, plan.signed.size)
    assert plan.restored == plan.kept
    assert check_old_head(plan, open_log_key(restored.settings).key)
    assert size_of(restored) == plan.signed.size


def test_two_people_declare_it_and_the_log_goes_on_under_its_next_name(restored: Ground) -> None:
    """Recovery: one record under the next name; the old name is closed for ever."""
    rollback = approved(restored, "ann", "bob")
    outcome = recovered(restored, rollback)
    assert isinstance(outcome, Outcome)
    assert outcome.accepted
    assert outcome.sealed_size == rollback.restored.size + 1
    folder = restored.settings.counterseal_signer_state
    assert read_state(folder, ORIGIN).successor == NEXT
    state = read_state(folder, NEXT)
    assert (state.epoch, state.size) == (1, rollback.restored.size + 1)
    assert pending_rollback(restored.settings) is None
    beat(restored, "after")
    assert read_state(folder, NEXT).size == rollback.restored.size + 2
    assert newest_origin(ORIGIN, [rollback]) == NEXT
    assert newest_origin(ORIGIN, []) == ORIGIN
    assert reconcile(restored.settings.database_file).clean


def test_the_key_that_auditors_pin_stays_the_first(restored: Ground) -> None:
    """Rollback: the renamed key is no first key; the hourly verification pins the one that is."""
    first = first_log_key(restored.settings)
    assert isinstance(recovered(restored, approved(restored, "ann", "bob")), Outcome)
    assert first_log_key(restored.settings) == first
    assert open_log_key(restored.settings).key.name == NEXT
    judged = judge_log(Workplace(restored.settings))
    assert (judged.exit_status, judged.verdict.findings_count) == (0, 0)


def test_commands_that_were_refused_before_come_behind_the_declaration(restored: Ground) -> None:
    """Recovery: what was recorded but never acknowledged stays, and is named as restored."""
    with pytest.raises(IntegrityError, match="ROLLBACK"):
        beat(restored, "unsealed")
    rollback = approved(restored, "ann", "bob")
    assert rollback.restored.size == rollback.kept.size + 1
    outcome = recovered(restored, rollback)
    assert isinstance(outcome, Outcome)
    assert outcome.sealed_size == rollback.restored.size + 1
    assert reconcile(restored.settings.database_file).clean


@pytest.mark.parametrize(
    ("names", "code"), [((), "TWO_PEOPLE_NEEDED"), (("ann",), "TWO_PEOPLE_NEEDED")]
)
def test_fewer_than_two_people_change_nothing(
    restored: Ground, names: tuple[str, ...], code: str
) -> None:
    """Recovery I1."""
    refusal = recovered(restored, approved(restored, *names))
    assert isinstance(refusal, Refusal)
    assert refusal.code == code
    assert read_state(restored.settings.counterseal_signer_state, ORIGIN).successor is None


def test_one_person_twice_or_another_declaration_signed_is_refused(restored: Ground) -> None:
    """Recovery I1: the same key twice is one person, and a signature fits one declaration."""
    plan = planned(restored)
    ann, bob = (approval(restored, plan, name) for name in ("ann", "bob"))
    for given, code in (
        (plan.amended(approvals=(ann, ann)), "TWO_PEOPLE_NEEDED"),
        (plan.amended(approvals=(ann, bob), reason="another reason"), "SIGNATURE_INVALID"),
        (
            plan.amended(approvals=(ann, bob.amended(person_id="carol"))),
            "NOT_FOUND",
        ),
        (
            plan.amended(approvals=(ann, ann.amended(person_id="bob"))),
            "KEY_NOT_ENROLLED",
        ),
    ):
        refusal = recovered(restored, given)
        assert isinstance(refusal, Refusal)
        assert refusal.code == code
    assert read_state(restored.settings.counterseal_signer_state, ORIGIN).successor is None


@pytest.mark.parametrize("step", ["_succeed", "_rename_key", "_recorded"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_between_two_steps_is_gone_on_from(
    restored: Ground, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    """Recovery: the declaration lies in the home until it is carried out."""
    rollback = approved(restored, "ann", "bob")
    whole: Callable[..., object] = getattr(recovery, step)

    def cut(*args: object) -> object:
        if when == "after":
            whole(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(recovery, step, cut)
    with pytest.raises(KeyboardInterrupt):
        recovered(restored, rollback)
    monkeypatch.setattr(recovery, step, whole)
    left = pending_rollback(restored.settings)
    assert left is not None
    assert left.amended(first_checkpoint="") == rollback
    outcome = recovered(restored, left)
    assert isinstance(outcome, Outcome)
    assert outcome.sealed_size == rollback.restored.size + 1
    beat(restored, "after")
    assert reconcile(restored.settings.database_file).clean


def test_a_second_restore_is_a_second_rollback(restored: Ground, tmp_path: Path) -> None:
    """Recovery: the old backup again is of a name that went on; it opens for nobody."""
    assert isinstance(recovered(restored, approved(restored, "ann", "bob")), Outcome)
    database = restored.settings.database_file
    for path in database.parent.glob(f"{database.name}*"):
        path.unlink()
    shutil.copy(tmp_path / "backup.sqlite", database)
    with pytest.raises(IntegrityError, match="ORIGIN_DIFFERS"):
        beat(restored, "again")


def test_a_home_that_lost_nothing_has_nothing_to_declare(restored: Ground) -> None:
    """Rollback I2."""
    assert isinstance(recovered(restored, approved(restored, "ann", "bob")), Outcome)
    with pytest.raises(InputError, match="NOTHING_LOST"):
        planned(restored)


def test_a_moved_signer_or_an_unreadable_declaration_stops(restored: Ground) -> None:
    """Recovery: the declared head must be the remembered one."""
    rollback = approved(restored, "ann", "bob")
    other = rollback.signed.amended(size=rollback.signed.size + 1)
    plan = rollback.amended(signed=other, approvals=())
    given = plan.amended(approvals=tuple(approval(restored, plan, n) for n in ("ann", "bob")))
    with pytest.raises(IntegrityError, match="SIGNER_MOVED"):
        recovered(restored, given)
    (restored.settings.counterseal_home / "rollback.json").write_text("{}")
    with pytest.raises(IntegrityError, match="ROLLBACK_UNREADABLE"):
        pending_rollback(restored.settings)


def test_i2_only_a_loss_is_a_loss() -> None:
    """Rollback I2: boundaries on both sides of the signed size."""
    state = SignerState(origin=ORIGIN, size=5, root="a" * 64)
    for size, root, code in (
        (4, "a", None),
        (5, "a", "NOTHING_LOST"),
        (5, "b", None),
        (6, "a", "SIGNER_BEHIND"),
    ):
        refusal = check_loss(state, LogHead(size=size, root=root * 64))
        assert (None if refusal is None else refusal.code) == code


def test_a_home_that_cannot_be_written_is_a_failure_of_the_world(
    restored: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recovery: and nothing was closed."""
    rollback = approved(restored, "ann", "bob")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recovery, "write_durably", full)
    with pytest.raises(AdapterError, match="HOME_WRITE"):
        recovered(restored, rollback)
    assert read_state(restored.settings.counterseal_signer_state, ORIGIN).successor is None
