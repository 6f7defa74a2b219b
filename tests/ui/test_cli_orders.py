"""Cancel, time-outs, risk questions and previews at the command line."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from counterseal.broker.model import SimulationOutcome
from counterseal.oms.states import OrderState
from counterseal.risk.model import CheckName
from storage.trading_calendar import COPY
from tests.ui.sealed_keys import seal_keys
from tests.world import SYMBOL, World
from ui.cli.app import run

Ran = tuple[int, dict[str, object]]


@dataclass
class House:
    """A home that a test world founded, and a way to call the command line on it."""

    world: World
    capsys: pytest.CaptureFixture[str]
    secret: str

    def text(self, *words: str) -> tuple[int, str]:
        self.capsys.readouterr()
        status = run([*words, "--home", str(self.world.home)])
        return status, self.capsys.readouterr().out

    def __call__(self, *words: str) -> Ran:
        status, out = self.text(*words, "--json")
        return status, json.loads(out)

    def proof(self, name: str = "operator") -> tuple[str, ...]:
        return ("--as", name, "--passphrase-file", self.secret)

    def quote(self) -> tuple[str, str]:
        path = Path(self.secret).parent / "quote.json"
        now = datetime.now(UTC).isoformat()  # noqa: TID251 - a real command needs real time
        value = {"bid": "19999", "ask": "20000", "bid_size": 5, "ask_size": 5, "last": "20000"}
        path.write_text(json.dumps({**value, "event_time": now}), "utf-8")
        return "--quote", str(path)

    def resting(self) -> str:
        """An order that was acknowledged, in the log's time long ago."""
        world = self.world
        request_id = world.approved(quantity=2)
        selected = SimulationOutcome.ACKNOWLEDGE
        return world.done(world.submitted(request_id, quantity=2, selected=selected))

    def state(self, order_id: str) -> OrderState:
        return self.world.order(order_id).state


def rows(value: dict[str, object], name: str) -> list[dict[str, object]]:
    found = value[name]
    assert isinstance(found, list)
    return found


def code(value: dict[str, object]) -> str:
    found = value.get("error") or value.get("refusal")
    assert isinstance(found, dict)
    return str(found["code"])


@pytest.fixture
def house(workplace: Path, capsys: pytest.CaptureFixture[str]) -> House:
    world = World(workplace / "home")
    seal_keys(world, "operator", "quant")
    return House(world, capsys, str(workplace / "secret"))


def test_timeouts_are_only_looked_at_by_default(house: House) -> None:
    """TX-I8, TX-I9: candidates with what a mark would record; nothing is written."""
    order = house.resting()
    before = house.world.settings.database_file.read_bytes()
    status, value = house("orders", "timeouts")

    assert (status, value["written"], value["timeout_seconds"]) == (0, False, 30)
    [candidate] = rows(value, "candidates")
    assert (candidate["order_id"], candidate["event"]) == (order, "EXPIRE")
    [same] = rows(house("orders", "timeouts", "--order", order)[1], "candidates")
    assert (same["order_id"], same["timeout_seconds"]) == (order, 30)
    assert order in house.text("orders", "timeouts")[1]
    assert house.world.settings.database_file.read_bytes() == before


@pytest.mark.parametrize("seconds", ["0", "86401", "soon"])
def test_a_timeout_out_of_range_is_bad_input(house: House, seconds: str) -> None:
    """TX-I8: 1..86400."""
    status, value = house("orders", "timeouts", "--timeout-seconds", seconds)
    assert (status, code(value)) == (2, "USAGE" if seconds == "soon" else "TIMEOUT_OUT_OF_RANGE")


def test_a_mark_needs_a_person_and_a_reason(house: House) -> None:
    """TX-I9: the actor is the one who opened a key; without a reason nothing is marked."""
    order = house.resting()
    for words, expected in (
        ((), "OPTION_MISSING"),
        (house.proof(), "OPTION_MISSING"),
        ((*house.proof(), "--reason", " "), "REASON_MISSING"),
    ):
        status, value = house("orders", "timeouts", "--mark", *words)
        assert (status, code(value)) == (2, expected)
    assert house.state(order) is OrderState.ACCEPTED


def test_a_mark_expires_every_candidate_once(house: House) -> None:
    """TX-I9: the order ends EXPIRED; marked again it is refused, looked at it says why."""
    order = house.resting()
    words = ("orders", "timeouts", "--mark", *house.proof(), "--reason", "no answer in time")
    status, value = house(*words)

    assert (status, value["ok"], value["written"]) == (0, True, True)
    [mark] = rows(value, "marks")
    assert (mark["order_id"], mark["event"], mark["accepted"]) == (order, "EXPIRE", True)
    assert mark["sealed_size"] == len(house.world.log())
    assert house.state(order) is OrderState.EXPIRED
    for more in (words, ("orders", "timeouts")):
        status, refused = house(*more, "--order", order)
        assert (status, code(refused)) == (1, "ORDER_TERMINAL")
    status, refused = house("orders", "timeouts", "--order", "nobody")
    assert (status, code(refused)) == (1, "NOT_FOUND")
    assert house(*words)[1]["marks"] == []


def test_only_an_operator_marks_and_the_attempt_is_recorded(house: House) -> None:
    """TX-I9: refused by role, exit status 1, and in the log."""
    order = house.resting()
    size = len(house.world.log())
    words = ("orders", "timeouts", "--mark", *house.proof("quant"), "--reason", "mine")
    status, value = house(*words)

    assert (status, value["ok"]) == (1, False)
    [mark] = rows(value, "marks")
    assert code(mark) == "ROLE"
    assert house.text(*words)[0] == 1
    assert [row.type for row in house.world.log()[size:]] == ["command.refused"] * 2
    assert house.state(order) is OrderState.ACCEPTED


def test_a_cancel_ends_an_order_once(house: House) -> None:
    """TX-G8: cancelled; again it is refused; without a reason it is bad input."""
    order = house.resting()
    words = ("orders", "cancel", order, *house.proof())
    status, value = house(*words, "--reason", "  ")
    assert (status, code(value)) == (2, "REASON_MISSING")
    assert house(*words)[0] == 2

    status, value = house(*words, "--reason", "not wanted", "--key", "cancel-1")
    assert (status, value["subject_id"], value["replayed"]) == (0, order, False)
    assert house.state(order) is OrderState.CANCELLED
    assert house(*words, "--reason", "not wanted", "--key", "cancel-1")[1]["replayed"] is True
    status, value = house(*words, "--reason", "not wanted")
    assert (status, code(value)) == (1, "TRANSITION_NOT_ALLOWED")
    status, value = house("orders", "cancel", "nobody", *house.proof(), "--reason", "not wanted")
    assert (status, code(value)) == (1, "NOT_FOUND")


ASK = ("risk", "evaluate", "--symbol", SYMBOL, "--side", "BUY")


def test_a_question_to_risk_shows_all_checks_and_writes_nothing(house: House) -> None:
    """TX-H15: fourteen checks with numbers; no key is opened, no byte of the database changes."""
    before = house.world.settings.database_file.read_bytes()
    status, value = house(*ASK, "--quantity", "4", *house.quote())

    assert (status, value["ok"], value["written"]) == (0, True, False)
    evaluation = value["evaluation"]
    assert isinstance(evaluation, dict)
    assert [check["name"] for check in evaluation["checks"]] == [n.value for n in CheckName]
    assert all(check["details"] for check in evaluation["checks"])
    assert house.world.settings.database_file.read_bytes() == before
    assert not (house.world.home / COPY).exists(), "looking leaves no copy of the dates"


@pytest.mark.parametrize(
    ("words", "failed"),
    [
        (("--quantity", "6"), ["MAX_EXPOSURE", "MARGIN_PROXY", "POSITION_LIMIT"]),
        (("--quantity", "4", "--approved-target", "0.05"), ["MAX_EXPOSURE"]),
        (("--quantity", "4", "--idempotency-key", " "), ["IDEMPOTENCY_KEY_PRESENT"]),
        (
            ("--quantity", "1", "--order-type", "LIMIT", "--limit-price", "20401"),
            ["PRICE_REASONABILITY"],
        ),
    ],
)
def test_a_question_that_breaks_a_limit_leaves_with_status_one(
    house: House, words: tuple[str, ...], failed: list[str]
) -> None:
    """TX-H3, TX-H5, TX-H7, TX-H9, TX-H12: every failed check is named, and all checks are shown."""
    status, value = house(*ASK, *words, *house.quote())

    assert (status, value["ok"]) == (1, False)
    refusal, evaluation = value["refusal"], value["evaluation"]
    assert isinstance(refusal, dict)
    assert isinstance(evaluation, dict)
    assert refusal["codes"] == failed
    assert len(evaluation["checks"]) == 14


def test_a_question_without_a_quote_fails_and_people_see_the_table(house: House) -> None:
    """TX-H6, TX-H7: no quote is no fresh quote; the text lists every check with its outcome."""
    status, value = house(*ASK, "--quantity", "1")
    assert (status, code(value)) == (1, "STALE_QUOTE")
    status, text = house.text(*ASK, "--quantity", "1")
    assert status == 1
    assert all(name.value in text for name in CheckName)
    assert text.count("FAILED") == 2


@pytest.mark.parametrize(
    ("words", "status", "expected"),
    [
        (("--quantity", "many"), 2, "BAD_NUMBER"),
        (("--quantity", "0"), 2, "INPUT_INVALID"),
        (("--quantity", "1.5"), 1, "QUANTITY_NOT_WHOLE"),
        (("--quantity", "1", "--account", "nobody"), 1, "NOT_FOUND"),
        ((), 2, "USAGE"),
    ],
)
def test_a_question_that_cannot_be_asked(
    house: House, words: tuple[str, ...], status: int, expected: str
) -> None:
    """TX-H15; architecture 7: refusals leave with 1, bad input with 2."""
    got, value = house(*ASK, *words)
    assert (got, code(value)) == (status, expected)


def test_the_risk_panel_is_complete(house: House) -> None:
    """TX-H16, TX-H17: state of each account, policy, contracts, notes, checks and badges."""
    house.resting()
    status, value = house("risk", "show")

    assert status == 0
    [account] = rows(value, "accounts")
    assert (account["seen_idempotency_keys"], account["current_position_tx_equivalent"]) == (1, "0")
    assert {"name": "KILL_SWITCH", "value": "false"} in rows(value, "badges")
    assert len(rows(value, "last_checks")) == 14
    assert len(rows(value, "evaluations")) == 1
    text = house.text("risk", "show")[1]
    assert "KILL_SWITCH=false BROKER_HEARTBEAT=true" in text
    assert all(name.value in text for name in CheckName)


def test_a_tightened_limit_counts_in_the_question_too(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-A2, TX-H5: a setting that tightens a limit is the limit."""
    monkeypatch.setenv("MAX_TX_EQUIVALENT_EXPOSURE", "0.15")
    status, value = house(*ASK, "--quantity", "4", *house.quote())
    assert (status, code(value)) == (1, "MAX_EXPOSURE")
    assert house(*ASK, "--quantity", "3", *house.quote())[0] == 0


@pytest.mark.parametrize(
    "words",
    [("orders", "timeouts"), (*ASK, "--quantity", "1"), ("risk", "show")],
)
def test_looking_at_a_missing_home_creates_nothing(
    house: House, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """TX-G12: an operational failure, and still no file."""
    house.capsys.readouterr()
    status = run([*words, "--home", str(tmp_path / "absent"), "--json"])
    value = json.loads(house.capsys.readouterr().out)

    assert (status, code(value)) == (4, "DATABASE_MISSING")
    assert not (tmp_path / "absent").exists()


def test_a_preview_without_options_asks_the_forms_defaults(house: House) -> None:
    """TX-J12: TMF BUY MARKET 2 at 19999 to 20000 fills 2 at 20000; the store is unchanged."""
    before = house.world.settings.database_file.read_bytes()
    status, value = house("broker", "preview")
    result = value["result"]

    assert status == 0
    assert isinstance(result, dict)
    asked = ("simulation_outcome", "simulated_fill_quantity", "simulated_fill_price")
    assert [result[name] for name in asked] == ["fill", "2", "20000"]
    assert house.world.settings.database_file.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "outcome", "filled"),
    [
        (("--quantity", "7"), "partial_fill", "5"),
        (("--side", "SELL", "--bid-size", "1"), "partial_fill", "1"),
        (("--age-seconds", "3.01"), "reject", "0"),
        (("--ask", "20004.5"), "acknowledge", "0"),
        (("--outcome", "cancel"), "cancel", "0"),
        (("--order-type", "LIMIT", "--limit-price", "19999.5"), "acknowledge", "0"),
    ],
)
def test_a_preview_answers_each_option(
    house: House, words: tuple[str, ...], outcome: str, filled: str
) -> None:
    """TX-J3, TX-J4, TX-J5, TX-J8, TX-J9: one option changed, one answer."""
    result = house("broker", "preview", *words)[1]["result"]
    assert isinstance(result, dict)
    assert (result["simulation_outcome"], result["simulated_fill_quantity"]) == (outcome, filled)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--quantity", "21"), "INPUT_INVALID"),
        (("--order-type", "LIMIT"), "LIMIT_PRICE_MISSING"),
        (("--bid", "low"), "BAD_NUMBER"),
    ],
)
def test_a_preview_of_nonsense_is_bad_input(
    house: House, words: tuple[str, ...], expected: str
) -> None:
    """TX-J5, TX-J12: status 2 with the code."""
    status, value = house("broker", "preview", *words)
    assert (status, code(value)) == (2, expected)


@pytest.mark.parametrize(
    ("target", "split"), [("0.30", (0, 1, 1)), ("1.3", (1, 1, 1)), ("0.0249", (0, 0, 0))]
)
def test_an_exposure_is_allocated_without_a_home(
    capsys: pytest.CaptureFixture[str], target: str, split: tuple[int, int, int]
) -> None:
    """TX-A5: TX, then MTX, then TMF; actual and residual."""
    assert run(["risk", "allocate", target, "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["tx"], value["mtx"], value["tmf"]) == split
    assert {"actual", "residual", "target"} <= set(value)
    assert run(["risk", "allocate", "--json", "--", "-0.05"]) == 2
    assert run(["risk", "allocate", "much"]) == 2
