"""A home with those outside of it: witnesses on loopback, an authority, a folder of evidence."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from counterseal.audit.note import COSIGNATURE, NoteSigner
from counterseal.audit.outside import OutsideView, view_outside
from counterseal.audit.trust_policy import KnownWitness
from counterseal.kernel.clock import Clock
from storage.attesting import Attesting, Kind, Said
from storage.outside_files import OutsideFiles, load_outside
from storage.outside_folder import OutsideFolder
from storage.settings import Settings
from storage.stamp_authority import UnsafeLocalAuthority
from storage.system import MachineClock
from storage.witness_server import Witness, WitnessMemory, create_memory, serving
from tests.world import World

W1, W2 = (NoteSigner(f"witness.example/w{n}", bytes([60 + n]) * 32, COSIGNATURE) for n in (1, 2))
Answer = tuple[int, bytes]
Script = Callable[[str, bytes], Answer]


@dataclass
class Room:
    """One world and the folder beside it."""

    world: World

    @property
    def folder(self) -> OutsideFolder:
        return OutsideFolder(self.world.home.parent / "outside")

    def settings(self, **more: object) -> Settings:
        told = {**dict(self.world.settings), "counterseal_outside": self.folder.path, **more}
        return Settings.model_validate(told)

    def policy(self, *witnesses: tuple[NoteSigner, str], quorum: str = "w1") -> None:
        lines = [f"log {self.world.log_key.key.text}"]
        for place, (signer, url) in enumerate(witnesses, 1):
            lines.append(f"witness w{place} {signer.key.text} {url}")
        self.folder.path.mkdir(exist_ok=True)
        self.folder.policy.write_text("\n".join([*lines, f"quorum {quorum}", ""]), "utf-8")

    def gathered(self, *kinds: Kind, **more: object) -> tuple[Said, ...]:
        return Attesting(self.settings(**more)).gather(*(kinds or tuple(Kind)))

    def view(self) -> OutsideView:
        folder = self.folder
        files = OutsideFiles(
            policy=folder.policy,
            cosigned=folder.cosigned if folder.cosigned.is_dir() else None,
            latest=tuple(folder.latest.glob("*.checkpoint")),
            anchors=tuple(folder.anchors.glob("*.anchor")),
            stamps=folder.stamps if folder.stamps.is_dir() else None,
            roots=folder.roots if folder.roots.is_file() else None,
        )
        evidence, policy = load_outside(files)
        return view_outside(evidence, [self.world.log_key.key], policy)

    def latest(self, name: str = "w1") -> Path:
        return self.folder.latest_of(KnownWitness(name.encode(), W1.key))


@contextlib.contextmanager
def a_witness(world: World, signer: NoteSigner = W1, clock: Clock | None = None) -> Iterator[str]:
    """A real witness of the world's log, on loopback."""
    folder = world.home.parent / f"memory-{signer.key.key_id.hex()}"
    if not folder.exists():
        create_memory(folder)
    memory = WitnessMemory(folder, signer.key)
    asked = Witness(signer, [world.log_key.key], memory, clock or MachineClock())
    try:
        with serving(asked) as prefix:
            yield prefix
    finally:
        memory.close()


@contextlib.contextmanager
def scripted(script: Script) -> Iterator[str]:
    """Somebody who answers every request as told."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.answer(self.rfile.read(int(self.headers["Content-Length"])))

        def do_GET(self) -> None:
            self.answer(b"")

        def answer(self, content: bytes) -> None:
            status, body = script(self.path, content)
            with contextlib.suppress(OSError):
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

        def log_request(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def an_authority(room: Room) -> Iterator[str]:
    """A time-stamp authority on loopback; its root is pinned in the room's folder."""
    place = room.world.home.parent / "tsa"
    place.mkdir()
    authority = UnsafeLocalAuthority.create(place, MachineClock().now())
    room.folder.path.mkdir(exist_ok=True)
    room.folder.roots.write_bytes(authority.roots.read_bytes())
    with scripted(lambda _, content: (200, authority.answer(content))) as url:
        yield url


def codes(said: Sequence[Said]) -> list[tuple[str, str | None, bool]]:
    return [(one.who.split()[0], one.code, one.alarm) for one in said]
