"""Time-stamps: a local authority, tokens under pinned roots, and every wrong one."""

import contextlib
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509 import Certificate
from cryptography.x509.oid import ExtendedKeyUsageOID
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from counterseal.audit.outside import OutsideEvidence, view_outside
from counterseal.audit.time_windows import EVIDENCE_LAG_MAX
from counterseal.kernel.clock import utc_text
from counterseal.kernel.errors import AdapterError, CountersealError, InputError, IntegrityError
from storage import stamping
from storage.stamp_authority import UnsafeLocalAuthority
from storage.stamping import (
    RESOLUTION,
    HttpAuthority,
    StampFolder,
    certificate_ends,
    read_roots,
    request_stamp,
    stamp_checkpoint,
    verify_stamp,
)
from storage.system import MachineClock
from tests.core.audit.outside_cases import LOG_KEY, OTHER, a_note

NOTE = a_note(7)
SECOND = timedelta(seconds=1)


def now() -> datetime:
    return MachineClock().now()


def new_authority(folder: Path, made: datetime | None = None) -> UnsafeLocalAuthority:
    folder.mkdir(exist_ok=True)
    return UnsafeLocalAuthority.create(folder, made or now())


def roots_of(authority: UnsafeLocalAuthority) -> tuple[Certificate, ...]:
    return read_roots(authority.roots.read_bytes())


@pytest.fixture
def authority(tmp_path: Path) -> UnsafeLocalAuthority:
    return new_authority(tmp_path / "tsa")


def test_a_checkpoint_is_stamped_and_the_token_verifies_later(
    authority: UnsafeLocalAuthority,
) -> None:
    """A7: the exact bytes, the authority's time with its accuracy and its name."""
    roots = roots_of(authority)
    before = now()
    token, stamped = request_stamp(authority, NOTE, roots)
    after = now()
    assert stamped.note == NOTE
    assert stamped.earliest <= after
    assert stamped.latest >= before
    assert stamped.latest - stamped.earliest == 2 * SECOND + RESOLUTION
    assert stamped.authority.startswith("CN=unsafe local time-stamps root #")
    assert verify_stamp(token, NOTE, roots) == stamped


def test_a_stamp_bounds_what_the_log_says_of_its_times(
    authority: UnsafeLocalAuthority, tmp_path: Path
) -> None:
    """A7, A5: from the authority to the verdict's inputs."""
    folder = StampFolder(tmp_path / "stamps")
    stamped = stamp_checkpoint(authority, NOTE, roots_of(authority), folder)
    evidence = OutsideEvidence(stamps=folder.read(roots_of(authority)))
    seen = view_outside(evidence, [LOG_KEY])
    back = stamped.earliest - EVIDENCE_LAG_MAX - timedelta(microseconds=1)
    assert (seen.heads[0].size, seen.windows.seen_to) == (7, 7)
    assert not seen.windows.outside(6, utc_text(stamped.latest), 0)
    assert seen.windows.outside(6, utc_text(stamped.latest + SECOND), 0)
    assert not seen.windows.outside(7, utc_text(now()), 0)
    assert seen.windows.outside(7, utc_text(back), 0)


def invalid(token: bytes, note: str, roots: tuple[Certificate, ...]) -> str:
    with pytest.raises(IntegrityError) as refused:
        verify_stamp(token, note, roots)
    return refused.value.code


def test_other_bytes_are_not_stamped_by_it(authority: UnsafeLocalAuthority) -> None:
    """A7: another tree, another size, one more signature line, one byte."""
    roots = roots_of(authority)
    token, _ = request_stamp(authority, NOTE, roots)
    for other in (a_note(7, OTHER), a_note(8), a_note(7, w1=0), NOTE + "\n", NOTE[:-1], "x"):
        assert invalid(token, other, roots) == "STAMP_INVALID"


def test_a_changed_token_is_refused(authority: UnsafeLocalAuthority) -> None:
    """A7: cut, or any byte of what was signed changed."""
    roots = roots_of(authority)
    token, stamped = request_stamp(authority, NOTE, roots)
    moment = (stamped.earliest + SECOND).strftime("%Y%m%d%H%M%SZ").encode()
    assert token.count(moment) == 1
    back_dated = token.replace(moment, b"2020" + moment[4:])
    last = token[:-1] + bytes([token[-1] ^ 1])
    for wrong in (back_dated, last, token[:-1], token[:40], b"", b"junk", token + b"x"):
        assert invalid(wrong, NOTE, roots) == "STAMP_INVALID"


def test_only_pinned_roots_vouch(authority: UnsafeLocalAuthority, tmp_path: Path) -> None:
    """A7: an authority of the same name, made by the attacker."""
    other = new_authority(tmp_path / "other")
    token, _ = request_stamp(other, NOTE, roots_of(other))
    assert invalid(token, NOTE, roots_of(authority)) == "STAMP_INVALID"
    assert verify_stamp(token, NOTE, (*roots_of(authority), *roots_of(other)))


def test_a_certificate_for_other_purposes_stamps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A7: only certificates for time-stamping, whoever issued them."""
    plain = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
    monkeypatch.setattr(x509, "ExtendedKeyUsage", lambda _: plain)
    other = new_authority(tmp_path / "other")
    with pytest.raises(CountersealError) as refused:
        request_stamp(other, NOTE, roots_of(other))
    assert refused.value.code in {"STAMP_FAILED", "STAMP_INVALID"}


def test_a_stamp_outside_the_certificates_life_is_refused(tmp_path: Path) -> None:
    """A7: an authority whose certificates begin tomorrow, or ended yesterday."""
    for made in (now() + timedelta(days=2), now() - timedelta(days=3651)):
        other = new_authority(tmp_path / f"tsa{made.year}", made)
        with pytest.raises(CountersealError) as refused:
            request_stamp(other, NOTE, roots_of(other))
        assert refused.value.code in {"STAMP_FAILED", "STAMP_INVALID"}


class Replaying:
    """Answers with a token that was given for an earlier request."""

    def __init__(self, token: bytes) -> None:
        self._token = token

    def answer(self, _request: bytes) -> bytes:
        return self._token


def test_an_answer_to_another_request_is_refused(authority: UnsafeLocalAuthority) -> None:
    """A7: an old token of the same bytes is not taken for a fresh one."""
    roots = roots_of(authority)
    token, _ = request_stamp(authority, NOTE, roots)
    with pytest.raises(IntegrityError) as refused:
        request_stamp(Replaying(token), NOTE, roots)
    assert refused.value.code == "STAMP_INVALID"


def test_another_hash_than_the_one_asked_for_is_refused(
    authority: UnsafeLocalAuthority, tmp_path: Path
) -> None:
    """A7: one hash, so that nobody picks a weaker one."""
    config = tmp_path / "tsa" / "tsa.cnf"
    config.write_text(config.read_text().replace("digests = sha256", "digests = sha512"))
    request = TimestampRequestBuilder().data(NOTE.encode()).hash_algorithm(HashAlgorithm.SHA512)
    token = authority.answer(request.build().as_bytes())
    assert invalid(token, NOTE, roots_of(authority)) == "STAMP_INVALID"


def test_a_refused_request_is_no_stamp(authority: UnsafeLocalAuthority) -> None:
    """A7: the authority answers that it does not want to."""
    request = TimestampRequestBuilder().data(NOTE.encode()).hash_algorithm(HashAlgorithm.SHA512)
    token = authority.answer(request.build().as_bytes())
    assert invalid(token, NOTE, roots_of(authority)) == "STAMP_INVALID"


def test_without_roots_nothing_verifies(authority: UnsafeLocalAuthority) -> None:
    """A7: an empty set of roots is no trust, and no crash."""
    token, _ = request_stamp(authority, NOTE, roots_of(authority))
    assert invalid(token, NOTE, ()) == "STAMP_INVALID"
    for wrong in (b"", b"junk"):
        with pytest.raises(InputError) as refused:
            read_roots(wrong)
        assert refused.value.code == "ROOTS_INVALID"


def test_stamps_are_kept_once_and_renewed_beside(
    authority: UnsafeLocalAuthority, tmp_path: Path
) -> None:
    """A7: before a certificate ends, the same bytes are stamped by the next authority."""
    folder = StampFolder(tmp_path / "stamps")
    other = new_authority(tmp_path / "other")
    roots = (*roots_of(authority), *roots_of(other))
    assert folder.read(roots) == ()
    stamps = [stamp_checkpoint(a, n, roots, folder) for a in (authority, other) for n in (NOTE,)]
    stamps.append(stamp_checkpoint(authority, a_note(12), roots, folder))
    names = sorted(path.suffix for path in (tmp_path / "stamps").iterdir())
    assert names == [".checkpoint", ".checkpoint", ".tsr", ".tsr", ".tsr"]
    assert set(folder.read(roots)) == set(stamps)
    assert now() + timedelta(days=3000) < certificate_ends(roots) < now() + timedelta(days=4000)


def test_a_folder_that_was_tampered_with_is_found(
    authority: UnsafeLocalAuthority, tmp_path: Path
) -> None:
    """A7: other bytes beside a token, or none."""
    folder = StampFolder(tmp_path / "stamps")
    roots = roots_of(authority)
    token, stamped = request_stamp(authority, NOTE, roots)
    path = folder.keep(token, stamped)
    assert folder.keep(token, stamped) == path
    checkpoint = next((tmp_path / "stamps").glob("*.checkpoint"))
    checkpoint.write_text(a_note(7, OTHER), "utf-8")
    with pytest.raises(IntegrityError):
        folder.read(roots)
    checkpoint.unlink()
    with pytest.raises(AdapterError) as missing:
        folder.read(roots)
    assert missing.value.code == "STAMP_READ"


def test_a_folder_that_cannot_be_written_is_a_bad_day(
    authority: UnsafeLocalAuthority, tmp_path: Path
) -> None:
    """A7."""
    (tmp_path / "file").write_text("in the way", "utf-8")
    with pytest.raises(AdapterError) as failed:
        stamp_checkpoint(authority, NOTE, roots_of(authority), StampFolder(tmp_path / "file"))
    assert failed.value.code == "STAMP_WRITE"


def test_a_stamp_that_came_too_late_is_dropped(
    authority: UnsafeLocalAuthority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A7: the lag that the time windows count on."""
    monkeypatch.setattr(stamping, "EVIDENCE_LAG_MAX", -SECOND)
    folder = StampFolder(tmp_path / "stamps")
    with pytest.raises(AdapterError) as late:
        stamp_checkpoint(authority, NOTE, roots_of(authority), folder)
    assert (late.value.code, late.value.retriable) == ("STAMP_FAILED", True)
    assert not (tmp_path / "stamps").exists()


@contextlib.contextmanager
def served(authority: UnsafeLocalAuthority, status: int = 200) -> Iterator[str]:
    kinds: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kinds.append(self.headers["Content-Type"])
            token = authority.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(token)

        def log_request(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/tsr?one"
        server.shutdown()
        thread.join()
    assert kinds == ["application/timestamp-query"]


def test_an_authority_is_asked_over_http(authority: UnsafeLocalAuthority) -> None:
    """A7: RFC 3161 part 3.4."""
    with served(authority) as url:
        _, stamped = request_stamp(HttpAuthority(url), NOTE, roots_of(authority))
    assert stamped.note == NOTE
    with served(authority, 503) as url, pytest.raises(AdapterError) as failed:
        request_stamp(HttpAuthority(url), NOTE, roots_of(authority))
    assert (failed.value.code, failed.value.retriable) == ("STAMP_FAILED", True)


def test_an_authority_that_cannot_answer_is_a_bad_day(
    authority: UnsafeLocalAuthority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A7: `openssl` that fails, and none at all."""

    def fails() -> None:
        with pytest.raises(AdapterError) as failed:
            authority.answer(b"no request")
        assert (failed.value.code, failed.value.retriable) == ("STAMP_FAILED", True)

    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        fails()
    (tmp_path / "tsa" / "tsa.cnf").unlink()
    fails()
