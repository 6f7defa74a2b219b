"""Changing the log's key.

Job: let a new key follow the log's key: draw it, record both signatures, put its file in place.

The steps, each durable before the next: the next key lies sealed beside the log key; the rotation,
signed by both, is in the log under a checkpoint that both sign; the next key's file replaces the
old one. A crash between two of them leaves a home that opens and goes on: before the record the old
key counts, from it on both do, and the file is replaced by whoever opens the log key next.

Invariants
  I1  The file is replaced only when the log names its key in a sealed record and nothing that the
      old key bound waits any more.
  I2  The signer's memory stays: it knows the log by its name, not by its key.
  I3  The first key's line stays in the home, for who pins it: the log walks from it to every other.

Not here: what a rotation is (audit.keys), who may ask for it (desk.records).
Source: design part "keys".
"""

from typing import Final

from counterseal.audit.keys import LogKeyChange
from counterseal.audit.note import Note, NoteSigner, VerifierKey
from counterseal.desk.commands import CommandRecord, Outcome
from counterseal.desk.records import Records
from counterseal.identity.sealing import SALT_BYTES, seal_key
from counterseal.kernel.clock import Clock
from counterseal.kernel.errors import AdapterError, InputError
from counterseal.kernel.ids import IdSource
from counterseal.kernel.model import Actor
from counterseal.market.ports import MarketFeed
from storage.archive import SqlArchive
from storage.data_keys import data_keys
from storage.desk import closing_desk
from storage.durable import sync_folder, write_durably
from storage.home_keys import (
    next_key_path,
    open_log_key,
    opened_log_key,
    public_log_key,
    read_passphrase,
    settle_rotation,
)
from storage.home_reader import read_home
from storage.journal import AfterStep, no_observer
from storage.settings import Settings

SEED_BYTES: Final = 32


def rotate(
    settings: Settings,
    actor: Actor,
    *,
    key: str,
    clock: Clock,
    ids: IdSource,
    feed: MarketFeed,
    after_step: AfterStep = no_observer,
) -> Outcome:
    """Let a new key follow the log's key, or complete what a crash cut short.

    Nothing else may write to the home meanwhile: what another process has bound under the old key
    would not be read under the new one.

    Args:
        settings: Of the home; the new key is sealed with the log key's passphrase.
        actor: An administrator.
        key: Idempotency key.
        clock: Tells when.
        ids: Names the record; draws the new key.
        feed: Of the desk that records; it is never asked.
        after_step: Observer of durable steps; crash tests kill there.

    Refusals: those of `Records.rotate_key`; no key of this attempt is left then.

    Raises:
        InputError: `SIGNER_ELSEWHERE`; those of the key files and the passphrase.
        IntegrityError: guards or the signer's memory differ.
        AdapterError: when a file or the database fails; the same again goes on.
    """
    _check_signer(settings)
    completed = _completed(settings, actor, key)
    if completed is not None:
        return _told(settings, completed)
    current = open_log_key(settings)
    successor = _next_key(settings, current.key, ids)
    after_step("drawn")
    with closing_desk(
        settings,
        current,
        clock=clock,
        ids=ids,
        feed=feed,
        after_step=after_step,
        successor=successor,
    ) as desk:
        known = _recorded(settings, successor.key)
        if known is None:
            archive = SqlArchive(settings.database, data_keys(settings))
            outcome = _asked(Records(desk.bench, archive), current, successor, actor, key)
        else:
            outcome = _told(settings, known)
    if outcome.refusal is not None:
        _discard(settings)
        return outcome
    after_step("rotated")
    settle_rotation(settings)
    after_step("replaced")
    return outcome


def revoke(
    settings: Settings,
    revoked: VerifierKey,
    reason: str,
    actor: Actor,
    *,
    key: str,
    clock: Clock,
    ids: IdSource,
    feed: MarketFeed,
) -> Outcome:
    """Record that an older key counts no more: the key in force signs it.

    Args:
        settings: Of the home.
        revoked: A key that was in force before.
        reason: A code without blanks, such as `stolen`.
        actor: An administrator.
        key: Idempotency key.
        clock: Tells when.
        ids: Names the record.
        feed: Of the desk that records; it is never asked.

    Refusals: those of `Records.revoke_key`.

    Raises:
        InputError, IntegrityError, AdapterError: as `rotate`.
    """
    _check_signer(settings)
    current = open_log_key(settings)
    with closing_desk(settings, current, clock=clock, ids=ids, feed=feed) as desk:
        records = Records(desk.bench, SqlArchive(settings.database, data_keys(settings)))
        note = _signed(records.revocation(revoked, reason), current)
        return records.revoke_key(revoked, note, actor, key=key)


def _check_signer(settings: Settings) -> None:
    """Two keys sign in one process, which the signer's own process is not.

    Raises:
        InputError: `SIGNER_ELSEWHERE`.
    """
    if settings.counterseal_signer_socket is not None:
        raise InputError(
            "SIGNER_ELSEWHERE",
            "stop the signer's process and do this where its key lies",
            field="COUNTERSEAL_SIGNER_SOCKET",
            expected="unset",
            got=settings.counterseal_signer_socket,
        )


def _asked(
    records: Records, current: NoteSigner, successor: NoteSigner, actor: Actor, key: str
) -> Outcome:
    note = _signed(records.rotation(successor.key), current, successor)
    return records.rotate_key(successor.key, note, actor, key=key)


def _signed(text: str, *signers: NoteSigner) -> str:
    return Note(text, tuple(signer.line(text) for signer in signers)).text


def _next_key(settings: Settings, current: VerifierKey, ids: IdSource) -> NoteSigner:
    """The key that an earlier attempt drew and could not record, or a fresh one.

    Raises:
        AdapterError: `KEY_FILE_WRITE`, retriable.
    """
    path = next_key_path(settings)
    if not path.exists() or public_log_key(path).name != current.name:
        passphrase = read_passphrase(settings.counterseal_log_key_passphrase_file)
        seed = ids.secret(f"log-key:{current.text}", SEED_BYTES)
        salt = ids.secret(f"log-salt:{current.text}", SALT_BYTES)
        try:
            write_durably(path, seal_key(seed, current.name, passphrase, salt).encode())
        except OSError as error:
            raise AdapterError("KEY_FILE_WRITE", str(error), retriable=True, got=path) from error
    return opened_log_key(settings, path)


def _discard(settings: Settings) -> None:
    """Remove a key that the log never named.

    Raises:
        AdapterError: `KEY_FILE_WRITE`, retriable.
    """
    path = next_key_path(settings)
    try:
        path.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise AdapterError("KEY_FILE_WRITE", str(error), retriable=True, got=path) from error


def _recorded(settings: Settings, successor: VerifierKey) -> LogKeyChange | None:
    with read_home(settings) as reader:
        return next(iter(reader.find(LogKeyChange, vkey=successor.text)), None)


def _completed(settings: Settings, actor: Actor, key: str) -> LogKeyChange | None:
    """What this attempt had left to do, or what the same command did before; None for neither."""
    completed = settle_rotation(settings)
    if completed is not None or next_key_path(settings).exists():
        return completed
    with read_home(settings) as reader:
        known = reader.get(CommandRecord, key)
        if known is None or known.refusal is not None or known.actor_id != actor.id:
            return None
        return reader.get(LogKeyChange, known.subject_id)


def _told(settings: Settings, change: LogKeyChange) -> Outcome:
    """The answer to a rotation that is in the log already."""
    with read_home(settings) as reader:
        newest = reader.newest_checkpoint()
    size = 0 if newest is None else newest.size
    return Outcome(subject_id=change.change_id, replayed=True, sealed_size=size)
