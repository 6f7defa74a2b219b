"""The hall at work: a real server, real runs, real kills."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from counterseal.desk.notices import Notice, NoticeKind
from counterseal.kernel.errors import AdapterError
from flows.engine import HOST, answers, engine_of
from flows.inbox import keep
from flows.processes import descendants
from flows.told_runs import RunState, told_runs
from flows.work import take_in
from flows.workplace import Workplace
from storage.demo_visitors import visitors_file
from storage.notice_spool import NoticeSpool, Place
from storage.notifiers.channels import CHANNELS_FILE, notify_folder
from storage.notifying import SPOOL_FILE
from storage.reconcile import reconcile
from storage.schedules import ROUND_SECONDS, deployed_seconds
from storage.system import MachineClock
from tests.flows.hall import (
    HOURLY,
    OFFICERS,
    ROOT,
    SECRET,
    House,
    Ran,
    Row,
    ask,
    filtered,
    post,
    post_bare,
    told_in,
)
from tests.flows.scripts import DAY, SAVE, TWICE
from tests.flows.test_processes import alive, until
from tests.storage.outside_room import scripted

SCHEDULED_WITHIN_SECONDS = 120
RUN_WITHIN_SECONDS = 120
UP_WITHIN_SECONDS = 150
LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}
LISTENS = "0A"
ID = re.compile(r"sha256:[0-9a-f]{64}|[\x21-\x7e]{1,120}")


def a_notice() -> Notice:
    now = MachineClock().now()
    return Notice(
        notice_id="ntc_of_the_block",
        kind=NoticeKind.REMINDER,
        person_id="ann",
        subject_id="apr_1",
        at=now,
        until=now + timedelta(hours=1),
        headline="[paper simulation] risk review still waits for you",
        body="Paper simulation: risk review still waits for you.\n",
    )


def test_only_a_passing_failure_of_the_world_is_tried_again(served: House) -> None:
    """Workflow 5: broken evidence stops at once, and alarms."""
    told = served.script(TWICE)
    assert told == "world world COMPLETED lasting FAILED evidence FAILED"


def test_the_pages_of_the_home_are_served_beside_its_flows(served: House) -> None:
    """One command serves both; a home that is no demo is opened to nobody."""

    def answered() -> bool:
        try:
            told = httpx.get(f"http://{HOST}:{served.web_port}/healthz").text
        except httpx.TransportError:
            return False
        return told == "ok"

    assert until(answered, RUN_WITHIN_SECONDS)
    assert not visitors_file(served.settings).exists()


def test_what_is_deployed_is_scheduled(served: House) -> None:
    """Workflow 7: the scheduler lives; with SQLAlchemy 2.1 it made no run and nobody was told."""
    deployed = _deployed(served)
    timed, rounds = [*deployed_seconds()], {*ROUND_SECONDS} - {"dispatch"}
    assert {*timed} == {"reconcile", HOURLY, "end_of_day", "retention"}
    assert deployed.keys() == {"execute", "intake", *timed, *rounds}
    assert {row["work_pool_name"] for row in deployed.values()} == {"counterseal"}
    wanted = deployed["verify_log"]["id"]

    def scheduled() -> set[object]:
        runs = filtered(served.engine, "/api/flow_runs/filter")
        return {one["deployment_id"] for one in runs if one["state_type"] == "SCHEDULED"}

    assert until(lambda: wanted in scheduled(), SCHEDULED_WITHIN_SECONDS)
    assert scheduled() <= {deployed[name]["id"] for name in timed}


def test_deploying_again_changes_nothing(served: House) -> None:
    """Workflow 5 and 6: what prefect.yaml says, and the one automation, once."""
    before = {name: row["id"] for name, row in _deployed(served).items()}
    assert served.run("deploy")[0] == 0
    assert {name: row["id"] for name, row in _deployed(served).items()} == before
    [automation] = filtered(served.engine, "/api/automations/filter")
    assert automation["name"] == "counterseal: a run without heartbeat is shown crashed"


def test_a_worker_runs_what_was_deployed(served: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workflow 5: from the checkout that the environment names, under the closed-in settings; the
    server tells the run and its trace to whoever asks without the engine.
    """
    wanted = _deployed(served)[HOURLY]["id"]
    made = post(served.engine, f"/api/deployments/{wanted}/create_flow_run")
    assert isinstance(made, dict)

    def ended() -> bool:
        runs = filtered(served.engine, "/api/flow_runs/filter")
        [run] = [run for run in runs if run["id"] == made["id"]]
        return run["state_type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}

    assert until(ended, RUN_WITHIN_SECONDS)
    [run] = [
        run for run in filtered(served.engine, "/api/flow_runs/filter") if run["id"] == made["id"]
    ]
    assert run["state_type"] == "COMPLETED"
    monkeypatch.setenv("COUNTERSEAL_ENGINE_PORT", str(served.port))
    [told] = [one for one in told_runs(served.settings) if one.run_id == made["id"]]
    assert (told.flow, told.state) == ("verify-log", RunState.COMPLETED)
    assert told.started is not None
    assert told.ended is not None
    assert told.started < told.ended
    assert ("verdict", "ok") in [(row.name, row.value) for row in told.did]


def _deployed(served: House) -> dict[str, Row]:
    rows = filtered(served.engine, "/api/deployments/filter")
    return {str(row["name"]): row for row in rows}


def test_a_day_s_two_runs_share_one_process(served: House, tmp_path: Path) -> None:
    """Workflow 5: intake, then people, then execute, at a desk that the caller opened."""
    told = json.loads(served.script(DAY, str(tmp_path)))
    assert told == {"asked": [[]], "orders": [[]], "fills": 1, "verdict": 0}
    lines = [line for log in tmp_path.rglob("log") for line in told_in(log.parent)]
    assert [line["flow"] for line in lines if line["event"] == "run_done"] == ["intake", "execute"]


def test_the_server_asks_for_the_secret_and_for_its_token(served: House) -> None:
    """Workflow 2: without, anybody on this machine may start, cancel and resume."""
    secret = served.engine.environment["PREFECT_API_AUTH_STRING"]
    assert ask(served.engine, "/api/admin/version")[0] == 401
    assert ask(served.engine, "/api/admin/version", secret="counterseal:guess")[0] == 401
    assert ask(served.engine, "/api/admin/version", secret=secret)[0] == 200
    assert post_bare(served.engine, "/api/flow_runs/filter") == 403


def test_another_home_s_server_is_not_mistaken_for_ours(served: House, tmp_path: Path) -> None:
    """Workflow 2: our runs go to the server that knows our secret, or nowhere."""
    other = House(tmp_path, served.port)
    with pytest.raises(AdapterError, match="ENGINE_FOREIGN"):
        answers(engine_of(other.settings, served.port))


def test_the_server_listens_on_loopback_only(served: House) -> None:
    """Workflow 2: the bound address, as the kernel tells it."""
    rows = [
        line.split()
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        if Path(table).is_file()
        for line in Path(table).read_text("utf-8").splitlines()[1:]
    ]
    places = [row[1].split(":") for row in rows if row[3] == LISTENS]
    bound = {address for address, port in places if int(port, 16) == served.port}
    assert bound
    assert bound <= LOOPBACK


def test_a_run_takes_signals_in_and_leaves_ids_in_the_engine(served: House) -> None:
    """Workflow, invariants 2 and 4: the run again replays; the engine was given ids only."""
    file = served.signals("engine")
    status, report = reported(served.run("intake", file))
    assert status == 0, report
    again, replayed = served.run("intake", str(report["source"]))
    assert again == 0
    assert '"replayed": true' in json.dumps(replayed)
    runs = filtered(served.engine, "/api/flow_runs/filter")
    given = [
        value
        for run in runs
        for value in dict(run["parameters"]).values()  # type: ignore[call-overload]  # JSON
    ]
    assert given
    assert [v for v in given if not (v is None or isinstance(v, int) or ID.fullmatch(str(v)))] == []


@pytest.fixture(scope="module")
def ran(served: House) -> Mapping[str, Ran]:
    """What each command answered, by its first word; one process ran them all."""
    hand_started = ("execute apr_unapproved 1", "dispatch mandate-of-nobody --key claim-1")
    return served.run_each(
        *hand_started,
        *("verify-log", "heartbeat", "time-stamp", "notify", "sweep", "end-of-day", "retention"),
    )


def reported(ran: Ran) -> tuple[int, dict[str, Any]]:
    status, value = ran
    report = value["report"]
    assert isinstance(report, dict)
    return status, report


def test_a_hand_started_execute_is_refused_and_recorded(
    served: House, ran: Mapping[str, Ran]
) -> None:
    """Workflow 7: starting a run grants nothing."""
    status, report = reported(ran["execute"])
    assert (status, report["orders"][0]["codes"]) == (1, ["NOT_FOUND"])
    assert "no such batch" in served.refusals()


def test_dispatch_under_no_mandate_starts_no_run(ran: Mapping[str, Ran]) -> None:
    """Workflow 3: a claim is the desk's, and so is its refusal."""
    status, report = reported(ran["dispatch"])
    assert (status, report["claim"]["codes"]) == (1, ["NOT_FOUND"])


def test_the_log_is_verified_by_a_run(served: House, ran: Mapping[str, Ran]) -> None:
    """Workflow 2 and 5: verified; and Prefect wrote into the home, not into the user's folder."""
    status, value = ran["verify-log"]
    assert (status, value["ok"]) == (0, True)
    assert not (served.folder / "user" / ".prefect").exists()
    assert (served.folder / "home" / "prefect" / "prefect.db").is_file()


def test_a_home_is_kept_alive_by_a_run(ran: Mapping[str, Ran]) -> None:
    """Audit log 5: nobody outside is named here, so nobody is asked, and the log lives."""
    for flow in ("heartbeat", "time-stamp"):
        status, report = reported(ran[flow])
        assert (status, report["answers"]) == (0, [])


def test_a_home_without_channels_tells_its_log_file(ran: Mapping[str, Ran]) -> None:
    """Scheduled like its neighbours: a run by hand does the same round."""
    status, report = reported(ran["notify"])
    assert (status, [c["channel"] for c in report["channels"]]) == (0, ["log"])


def test_a_round_runs_on_the_engine(ran: Mapping[str, Ran]) -> None:
    """Workflow 5: scheduled like its neighbours; nothing waits in this home."""
    assert reported(ran["sweep"]) == (0, {"steps": []})


def test_the_work_of_each_day_runs_on_the_engine(ran: Mapping[str, Ran]) -> None:
    """Workflow 5: a home of today has nothing to state and nothing to let go: a good end."""
    for flow in ("end-of-day", "retention"):
        status, report = reported(ran[flow])
        assert (status, [step["codes"] for step in report["steps"] if step["codes"]]) == (0, [])


def test_a_block_that_the_home_names_is_told(served: House) -> None:
    """Prefect notification blocks where configured: a saved block, over the loopback."""
    folder, now = notify_folder(served.settings), MachineClock().now()
    taken: list[bytes] = []

    def answer(path: str, content: bytes) -> tuple[int, bytes]:
        del path
        taken.append(content)
        return 200, b""

    with scripted(answer) as url:
        assert served.script(SAVE, f"{url}/desk") == "saved"
        NoticeSpool(folder / SPOOL_FILE).keep([(a_notice(), "prefect")], Place(0, now), now)
        (folder / CHANNELS_FILE).write_text("log: false\nprefect_block: custom-webhook/desk\n")
        try:
            status, value = served.run("notify")
        finally:
            (folder / CHANNELS_FILE).unlink()
    assert (status, value["ok"]) == (0, True)
    told = json.loads(taken[-1])
    assert told["title"].startswith("[paper simulation] ")
    assert any(b"ntc_of_the_block" in content for content in taken)


def test_a_house_at_work_is_ready_and_counts_itself(served: House) -> None:
    """Issue "Always on", point 4: by its pages, and by the command in another process."""
    there = f"http://{HOST}:{served.web_port}"
    assert until(
        lambda: httpx.get(f"{there}/health/ready", timeout=60).status_code == 200,
        RUN_WITHIN_SECONDS,
    )
    lines = httpx.get(f"{there}/metrics", timeout=60).text.splitlines()
    assert {"counterseal_up 1.0", "counterseal_loop_leads 1.0"} <= {*lines}
    elsewhere = {"Host": f"rebound.example:{served.web_port}"}
    assert httpx.get(f"{there}/metrics", headers=elsewhere).status_code == 403
    command = [sys.executable, "-m", "ui.cli.app", "readiness", "--running"]
    done = subprocess.run(command, env=served.environment, cwd=ROOT, check=False)  # noqa: S603 - our own interpreter
    assert done.returncode == 0


def test_logs_tell_what_the_house_did_by_ids_and_codes(
    served: House, ran: Mapping[str, Ran]
) -> None:
    """Issue "Always on", point 4: no passphrase, key, secret, name, comment, price or payload."""
    assert ran["sweep"][0] == 0
    assert served.run("intake", f"sha256:{'0' * 64}")[0] != 0
    told = served.told()
    events = {(line["part"], line["event"]) for line in told}
    assert {
        *(("house", "house_up"), ("house", "part_started"), ("rounds", "loop_leads")),
        *(("pages", "pages_up"), ("flows", "run_done"), ("flows", "run_failed")),
    } <= events
    [failed] = [line for line in told if line["event"] == "run_failed"]
    assert failed["codes"] == "INBOX_MISSING"
    text = "".join(p.read_text("utf-8", "replace") for p in served.engine.logs.iterdir())
    secrets = (SECRET, served.engine.environment["PREFECT_API_AUTH_STRING"], "PRIVATE KEY")
    names = [name for name in (*OFFICERS, "mean-reversion", "0.25") if f'"{name}"' in text]
    assert [word for word in secrets if word in text] + names == []


def test_what_is_killed_comes_again_and_another_loop_takes_the_lead(served: House) -> None:
    """Issue "Always on": kill -9 of each part; the house serves as before, and still stops cleanly.

    A second resident loop of the home waits until the first one is gone.
    """
    log = served.engine.output_of("rounds")
    told = served.folder / "standby.txt"
    assert until(lambda: "leads" in log.read_text("utf-8"), UP_WITHIN_SECONDS)
    with told.open("wb") as stream, served.start("attend", told=stream) as standby:
        for word in ("prefect server", "prefect worker", "flows attend", "ui.cli.app web"):
            [part] = running(served, word, besides=standby.pid)
            os.kill(part, signal.SIGKILL)
            assert until(lambda: not alive(frozenset({part})))  # noqa: B023 - asked at once
            again = partial(running, served, word, besides=standby.pid)
            assert until(lambda: bool(again()), UP_WITHIN_SECONDS), word  # noqa: B023 - the same
        assert until(lambda: "leads" in told.read_text("utf-8"), UP_WITHIN_SECONDS)
        standby.send_signal(signal.SIGTERM)
        assert standby.wait(UP_WITHIN_SECONDS) == 0, told.read_text("utf-8")
    assert until(lambda: log.read_text("utf-8").count("leads") == 2, UP_WITHIN_SECONDS)
    assert until(lambda: answers(served.engine), UP_WITHIN_SECONDS)
    assert served.run("verify-log")[0] == 0


def running(house: House, words: str, besides: int) -> list[int]:
    """Processes of a house whose command has these words, and not their guardians."""
    mark = f"COUNTERSEAL_HOME={house.folder / 'home'}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            ours = mark in (entry / "environ").read_bytes()
        except OSError:
            continue
        guardian = "flows.processes" in command
        if words in command and ours and not guardian and int(entry.name) != besides:
            found.append(int(entry.name))
    return found


def test_a_killed_run_leaves_no_process_and_its_work_is_found_again(
    house: House, tmp_path: Path
) -> None:
    """Workflow 2 and invariant 1: SIGKILL with a temporary server; then the engine's files go."""
    other = house.copied(tmp_path / "other")
    file = other.signals("killed")
    before = other.recorded().count("signal.admitted")
    with other.start("intake", file, "--temporary") as process:
        assert until(lambda: other.recorded().count("signal.admitted") > before, UP_WITHIN_SECONDS)
        below = descendants(process.pid)
        assert len(below) > 1
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert until(lambda: not alive(below))

    shutil.rmtree(other.folder / "home" / "prefect")
    place = Workplace(other.settings)
    source = keep(other.settings, Path(file).read_bytes())
    report = take_in(place, source, None, "another-run")
    assert report.exit_status == 0
    assert [step.subject_id for step in report.signals] == ["killed-0", "killed-1"]
    assert report.signals[0].replayed
    assert other.recorded().count("signal.admitted") == before + 2
    assert reconcile(other.settings.database_file).clean
