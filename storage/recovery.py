"""Going on after a restored backup.

Job: find what was lost, and carry out a declared rollback: signer, key file, first record.

The steps, each durable before the next: the signer remembers the log's next name and closes the old
one; the key file takes the next name; the declaration is recorded and sealed as the first record
under it. A crash between two of them leaves a home that opens for nobody; the same declaration
again goes on where the first one stopped.

Invariants
  I1  Nothing is closed before two consents were checked.
  I2  The old name signs nothing any more before the next name signs anything.
  I3  What the database holds is recomputed from its bytes, not read from its head.

Not here: what is lost (audit.rollback), who may declare it (desk.rollbacks).
Source: audit-log, signer as guard.
"""

from pathlib import Path

from pydantic import ValidationError

from counterseal.audit.checkpoint import open_checkpoint
from counterseal.audit.merkle import Frontier, leaf_hash
from counterseal.audit.note import NoteSigner
from counterseal.audit.rollback import (
    LogHead,
    Rollback,
    check_loss,
    renamed_key,
    successor_origin,
)
from counterseal.audit.signer import decide_succession
from counterseal.desk.commands import Outcome
from counterseal.desk.recorder import Recorder
from counterseal.desk.rollbacks import check_approvals, declare
from counterseal.identity.sealing import SALT_BYTES, open_key, read_envelope, seal_key
from counterseal.kernel.clock import Clock
from counterseal.kernel.errors import AdapterError, CountersealError, InputError, IntegrityError
from counterseal.kernel.ids import IdSource
from counterseal.kernel.model import Actor, Refusal
from storage.durable import write_durably
from storage.home_keys import keep_first_key, log_key_path, open_log_key, read_passphrase
from storage.home_reader import HomeReader, read_home
from storage.key_in_force import check_in_force
from storage.keyring import read_secret
from storage.settings import Settings
from storage.signers import (
    EmbeddedSigner,
    deciding,
    read_state,
    remember,
    replace_state,
    state_file,
)
from storage.store import SqlStore


def plan_rollback(settings: Settings, log_key: NoteSigner, reason: str, clock: Clock) -> Rollback:
    """What a declaration would say; nothing is changed.

    Args:
        settings: Of the restored home.
        log_key: The log's key, whose name is the old one.
        reason: In words.
        clock: Tells when.

    Raises:
        InputError: `NOTHING_LOST`, `SIGNER_BEHIND`.
        IntegrityError: those of the signer; `ORIGIN_CLOSED` when it was declared already;
            `KEY_NOT_IN_FORCE` when the restored log is from before a rotation and the key file is
            not: both come from one backup.
    """
    origin, folder = log_key.key.name, settings.counterseal_signer_state
    signed = read_state(folder, origin)
    root = bytes.fromhex(signed.root)
    check_in_force(settings, log_key.key)
    note = EmbeddedSigner(log_key, folder).sign_checkpoint(
        origin, signed.size, root, (), signed.lease
    )
    with read_home(settings) as reader:
        kept, restored = _stored_heads(reader, log_key)
    refusal = check_loss(signed, kept)
    if refusal is not None:
        raise InputError(refusal.code, refusal.message, got=kept.size)
    following = successor_origin(origin, signed.epoch + 1)
    return Rollback(
        origin=following,
        epoch=signed.epoch + 1,
        vkey=renamed_key(log_key.key, following).text,
        old_origin=origin,
        signed=LogHead(size=signed.size, root=signed.root),
        checkpoint=note,
        kept=kept,
        restored=restored,
        reason=reason,
        declared_at=clock.now(),
    )


def _stored_heads(reader: HomeReader, log_key: NoteSigner) -> tuple[LogHead, LogHead]:
    """The newest signed head that the bytes lead to, and the end of the log."""
    notes = {row.size: row.note for row in reader.checkpoints()}
    edge, reached = Frontier(), [Frontier()]
    for row in reader.records():
        edge.append(leaf_hash(row.body) if row.body else bytes.fromhex(row.leaf_hash))
        if edge.size in notes:
            reached.append(Frontier(edge.size, edge.peaks))
    kept = next(
        one
        for one in reversed(reached)
        if not one.size or _is_signed(notes[one.size], log_key, one)
    )
    return _head(kept), _head(edge)


def _head(edge: Frontier) -> LogHead:
    return LogHead(size=edge.size, root=edge.root().hex())


def _is_signed(note: str, log_key: NoteSigner, edge: Frontier) -> bool:
    try:
        told = open_checkpoint(note, log_key.key).checkpoint
    except CountersealError:
        return False
    return (told.size, told.root) == (edge.size, edge.root())


def pending_rollback(settings: Settings) -> Rollback | None:
    """The declaration that a crash left half carried out, or None.

    Raises:
        IntegrityError: `ROLLBACK_UNREADABLE`.
    """
    path = _pending_path(settings)
    try:
        return Rollback.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        raise IntegrityError(
            "ROLLBACK_UNREADABLE", "a declaration lies here that cannot be read", got=path
        ) from None


def recover(
    settings: Settings, rollback: Rollback, actor: Actor, *, clock: Clock, ids: IdSource
) -> Outcome | Refusal:
    """Carry out a declared rollback, or go on with one that a crash cut short.

    Args:
        settings: Of the restored home; they name the signer's folder and the passphrase file.
        rollback: From `plan_rollback` or `pending_rollback`, with two approvals.
        actor: Who runs this: one of the two.
        clock: Tells when it is recorded.
        ids: Names the record, and salts the key file.

    Returns:
        The outcome of the record, or why the approvals do not declare it: nothing is changed then.

    Raises:
        IntegrityError: `SIGNER_MOVED` when something was signed since the plan; `ORIGIN_CLOSED`
            when another declaration was carried out.
        InputError: those of the key file and its passphrase.
        AdapterError: when a file or the database fails; the same call again goes on.
    """
    passphrase = read_passphrase(settings.counterseal_log_key_passphrase_file)
    with read_home(settings) as reader:
        refusal = check_approvals(reader, rollback)
    if refusal is not None:
        return refusal
    try:
        _keep(settings, rollback)
        _succeed(settings, rollback)
        keep_first_key(settings, rollback.old_origin)
        _rename_key(settings, rollback.origin, passphrase, ids)
        outcome = _recorded(settings, rollback, actor, clock, ids)
        _pending_path(settings).unlink()
    except OSError as error:
        raise AdapterError("HOME_WRITE", str(error), got=settings.counterseal_home) from error
    return outcome


def _keep(settings: Settings, rollback: Rollback) -> None:
    write_durably(_pending_path(settings), rollback.model_dump_json().encode())


def _pending_path(settings: Settings) -> Path:
    return settings.counterseal_home / "rollback.json"


def _succeed(settings: Settings, rollback: Rollback) -> None:
    folder, restored = settings.counterseal_signer_state, rollback.restored
    with deciding(folder):
        state = read_state(folder, rollback.old_origin)
        if state.successor == rollback.origin:
            return
        if state.successor is not None:
            raise IntegrityError("ORIGIN_CLOSED", "the log went on already", got=state.successor)
        if (state.size, state.root) != (rollback.signed.size, rollback.signed.root):
            raise IntegrityError("SIGNER_MOVED", "more was signed since", got=state.size)
        root = bytes.fromhex(restored.root)
        closed, fresh = decide_succession(state, rollback.origin, restored.size, root)
        if not state_file(folder, fresh.origin).exists():
            remember(folder, fresh)
        replace_state(folder, closed)


def _rename_key(settings: Settings, origin: str, passphrase: str, ids: IdSource) -> None:
    path = log_key_path(settings)
    text = read_secret(path)
    if read_envelope(text).key_id == origin:
        return
    seed = open_key(text, passphrase).private_bytes_raw()
    salt = ids.secret(f"log-salt:{origin}", SALT_BYTES)
    write_durably(path, seal_key(seed, origin, passphrase, salt).encode())


def _recorded(
    settings: Settings, rollback: Rollback, actor: Actor, clock: Clock, ids: IdSource
) -> Outcome:
    signer = EmbeddedSigner(open_log_key(settings), settings.counterseal_signer_state)
    if not rollback.first_checkpoint:
        size, root = rollback.restored.size, bytes.fromhex(rollback.restored.root)
        note = signer.sign_checkpoint(rollback.origin, size, root, ())
        rollback = rollback.amended(first_checkpoint=note)
        _keep(settings, rollback)
    store = SqlStore(settings.database, signer, clock)
    try:
        return declare(Recorder(store, clock, ids), rollback, actor)
    finally:
        store.close()
