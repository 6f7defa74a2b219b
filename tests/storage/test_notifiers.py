"""One contract for every way to reach people, and what mail must withstand besides."""

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from counterseal.desk.notices import Notice, NoticeKind, Notifier
from counterseal.kernel.errors import AdapterError
from flows.blocks import Block, BlockNotifier
from storage.notifiers.line_file import FileNotifier
from storage.notifiers.mail import MailNotifier, MailServer, Security, mail_of
from tests.storage.mail_room import MailRoom, a_mail_room, certificate
from tests.world import START

HOST = "127.0.0.1"
ADDRESS = "risk@desk.example"


def a_notice(number: int = 1, person: str = "risk") -> Notice:
    return Notice(
        notice_id=f"ntc_{number:032x}",
        kind=NoticeKind.STAGE_DUE,
        person_id=person,
        subject_id="apr_1",
        at=START,
        until=START + timedelta(hours=1),
        headline="[paper simulation] risk review is due: BUY 4 TMF202601",
        body="Paper simulation: risk review is due.\n\nRequest    apr_1\n.\nnot the end\n",
    )


@dataclass(frozen=True)
class Told:
    """What came out at the other end."""

    notice_id: str
    text: str


@dataclass
class Channel:
    """A way to reach people, its other end, and a block in which it is broken."""

    notifier: Notifier
    told: Callable[[], list[Told]]
    broken: Callable[[], AbstractContextManager[None]]


@contextmanager
def a_file(folder: Path) -> Iterator[Channel]:
    path = folder / "notices.jsonl"

    def told() -> list[Told]:
        lines = path.read_text("ascii").splitlines() if path.is_file() else []
        values = [json.loads(line) for line in lines]
        return [Told(v["notice_id"], v["headline"] + "\n" + v["body"]) for v in values]

    @contextmanager
    def broken() -> Iterator[None]:
        folder.rename(folder.with_name("away"))
        yield
        folder.with_name("away").rename(folder)

    yield Channel(FileNotifier(path), told, broken)


def server_of(room: MailRoom, **more: object) -> MailServer:
    plain = MailServer(
        host=HOST,
        port=room.port,
        security=Security.NONE,
        sender="counterseal@desk.example",
        timeout_seconds=2,
    )
    return replace(plain, **more)  # type: ignore[arg-type] # each test names fields of its own


@contextmanager
def mail(folder: Path) -> Iterator[Channel]:
    del folder
    with a_mail_room() as room:

        def told() -> list[Told]:
            return [
                Told(
                    str(message["X-Counterseal-Notice"]),
                    f"{message['Subject']}\n{message.get_content()}".replace("\r\n", "\n"),
                )
                for _, message in room.taken
            ]

        @contextmanager
        def broken() -> Iterator[None]:
            room.replies["CONNECT"] = "421 4.3.2 closing"
            yield
            room.replies.clear()

        addresses = {"risk": ADDRESS}
        yield Channel(MailNotifier(server_of(room), addresses), told, broken)


class Pager:
    """A notification block of somebody else."""

    def __init__(self) -> None:
        self.sent: list[Told] = []
        self.failing = False

    async def notify(self, body: str, subject: str | None = None) -> None:
        if self.failing:
            raise LookupError("no such pager")
        self.sent.append(Told(body.rsplit(maxsplit=1)[-1], f"{subject}\n{body}"))


@contextmanager
def a_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop at work in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def a_block(folder: Path) -> Iterator[Channel]:
    del folder
    pager = Pager()

    async def load(name: str) -> Block:
        assert name == "pager/desk"
        return pager

    @contextmanager
    def broken() -> Iterator[None]:
        pager.failing = True
        yield
        pager.failing = False

    with a_loop() as loop:
        yield Channel(BlockNotifier(load, "pager/desk", loop), lambda: [*pager.sent], broken)


@pytest.fixture(params=[a_file, mail, a_block], ids=["log", "mail", "prefect"])
def channel(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Channel]:
    folder = tmp_path / "notify"
    folder.mkdir()
    with request.param(folder) as made:
        yield made


def test_a_notice_arrives_whole_with_its_id(channel: Channel) -> None:
    """Contract: id, headline and every line of the text, also one that is a single dot."""
    notice = a_notice()
    assert channel.notifier.reaches("risk")
    channel.notifier.deliver(notice)
    [told] = channel.told()
    assert told.notice_id == notice.notice_id
    assert notice.headline in told.text
    assert notice.body.strip() in told.text


def test_a_notice_handed_over_twice_can_be_told_by_its_id(channel: Channel) -> None:
    """Contract: at least once; the receiver drops what it has seen."""
    for number in (1, 2, 1):
        channel.notifier.deliver(a_notice(number))
    ids = [told.notice_id for told in channel.told()]
    assert ids == [a_notice(n).notice_id for n in (1, 2, 1)]


def test_a_channel_that_fails_says_so_and_works_again_afterwards(channel: Channel) -> None:
    """Contract: never silent, and retriable when it may pass."""
    with channel.broken(), pytest.raises(AdapterError) as failed:
        channel.notifier.deliver(a_notice())
    assert failed.value.retriable
    channel.notifier.deliver(a_notice())
    assert [told.notice_id for told in channel.told()] == [a_notice().notice_id]


@pytest.mark.parametrize(
    ("room", "code", "retriable"),
    [
        (MailRoom(replies={"RCPT": "550 5.1.1 nobody"}), "MAIL_REFUSED", False),
        (MailRoom(replies={"RCPT": "451 4.7.1 later"}), "MAIL_DEFERRED", True),
        (MailRoom(replies={"CONTENT": "554 5.7.1 no"}), "MAIL_REFUSED", False),
        (MailRoom(replies={"CONTENT": "452 4.3.1 full"}), "MAIL_DEFERRED", True),
        (MailRoom(replies={"MAIL": "550 5.7.1 not you"}), "MAIL_DEFERRED", True),
        (MailRoom(replies={"CONNECT": "554 no service"}), "MAIL_DEFERRED", True),
        (MailRoom(hangs_up_at="DATA"), "MAIL_UNREACHABLE", True),
        (MailRoom(hangs_up_at="EHLO"), "MAIL_UNREACHABLE", True),
        (MailRoom(silent_seconds=2.5), "MAIL_UNREACHABLE", True),
    ],
    ids=lambda value: str(value)[-40:] if isinstance(value, MailRoom) else str(value),
)
def test_a_bad_day_of_the_server_is_told_from_a_refusal_for_good(
    room: MailRoom, code: str, retriable: bool
) -> None:
    """RFC 5321: 4yz later, 5yz never; what an operator can mend is always tried again."""
    with a_mail_room(room):
        to = MailNotifier(server_of(room, timeout_seconds=1), {"risk": ADDRESS})
        with pytest.raises(AdapterError) as failed:
            to.deliver(a_notice())
    assert (failed.value.code, failed.value.retriable) == (code, retriable)
    assert room.taken == []


def test_a_server_that_is_not_there_is_a_bad_day() -> None:
    """Connection refused."""
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        room = MailRoom(port=int(probe.getsockname()[1]))
    with pytest.raises(AdapterError) as failed:
        MailNotifier(server_of(room), {"risk": ADDRESS}).deliver(a_notice())
    assert (failed.value.code, failed.value.retriable) == ("MAIL_UNREACHABLE", True)


def test_mail_that_was_taken_is_told_even_when_the_farewell_fails() -> None:
    """A quarrel after the message was accepted repeats nothing."""
    with a_mail_room(MailRoom(hangs_up_at="QUIT")) as room:
        MailNotifier(server_of(room), {"risk": ADDRESS}).deliver(a_notice())
    assert len(room.taken) == 1


@pytest.mark.parametrize("starttls", [False, True])
def test_mail_goes_over_verified_tls_with_a_login(tmp_path: Path, starttls: bool) -> None:
    """RFC 8314: the name is checked against the authority that was told; wrong words stay out."""
    context, authority = certificate(tmp_path, HOST)
    security = Security.STARTTLS if starttls else Security.TLS
    with a_mail_room(MailRoom(tls=context, starttls=starttls, login=True)) as room:
        server = server_of(
            room, security=security, user="counterseal", password="right", authority=authority
        )
        MailNotifier(server, {"risk": ADDRESS}).deliver(a_notice())
        assert [to for to, _ in room.taken] == [ADDRESS]
        for wrong, code in (
            (replace(server, password="wrong"), "MAIL_LOGIN_FAILED"),
            (replace(server, authority=None), "MAIL_UNREACHABLE"),
        ):
            with pytest.raises(AdapterError) as failed:
                MailNotifier(wrong, {"risk": ADDRESS}).deliver(a_notice())
            assert (failed.value.code, failed.value.retriable) == (code, True)
        assert len(room.taken) == 1
        assert "right" not in repr(server)


def test_no_word_leaves_when_the_server_offers_no_tls(tmp_path: Path) -> None:
    """A stripped STARTTLS: refused before login and content."""
    with a_mail_room(MailRoom(login=True)) as room:
        server = server_of(room, security=Security.STARTTLS, user="c", password="right")
        with pytest.raises(AdapterError) as failed:
            MailNotifier(server, {"risk": ADDRESS}).deliver(a_notice())
    assert (failed.value.code, failed.value.retriable) == ("MAIL_LOGIN_FAILED", True)
    assert {"AUTH", "MAIL", "DATA"} & set(room.verbs) == set()
    del tmp_path


def test_a_mail_names_its_notice_and_asks_for_no_answer() -> None:
    """Message-ID repeats with the notice; RFC 3834 stops automatic answers."""
    message = mail_of(a_notice(), "counterseal@desk.example", ADDRESS)
    assert message["Message-ID"] == f"<{a_notice().notice_id}@desk.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert str(message["To"]) == ADDRESS
    assert len(message.keys()) == len(set(message.keys()))


@pytest.mark.parametrize(
    "address",
    ["a@b.example\r\nBcc: all@b.example", "a@b.example, c@d.example", "A <a@b.example>", "none"],
)
def test_an_address_cannot_add_a_header_or_a_recipient(address: str) -> None:
    """Header injection: the address is parsed alone, and must be one address."""
    with pytest.raises((ValueError, IndexError)):
        mail_of(a_notice(), "counterseal@desk.example", address)


def test_the_log_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Who must do what is nobody else's business."""
    FileNotifier(tmp_path / "n.jsonl").deliver(a_notice())
    assert (tmp_path / "n.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_block_that_hangs_or_is_missing_is_tried_again() -> None:
    """I2 of blocks: neither a dead library nor a deleted block ends a round."""

    async def missing(name: str) -> Block:
        del name
        raise ValueError("Unable to find block")

    class Hanging:
        def notify(self, body: str, subject: str | None = None) -> Awaitable[None]:
            del body, subject
            return asyncio.sleep(30)

    async def hanging(name: str) -> Block:
        del name
        return Hanging()

    with a_loop() as loop:
        for load in (missing, hanging):
            with pytest.raises(AdapterError) as failed:
                BlockNotifier(load, "pager/desk", loop, seconds_max=0.1).deliver(a_notice())
            assert (failed.value.code, failed.value.retriable) == ("NOTICE_BLOCK_FAILED", True)
