"""The summary of a governed day, drawn for people.

Not here: any number of its own; all of them come from the day's summary file.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from shutil import which
from typing import Any, Final

from rich.console import Console
from rich.table import Table

USUAL: Final = "approved and executed"
USUAL_MAX: Final = 6
_UNSAFE: Final = (
    "witness and time-stamp authority of this day are throw-away ones of this machine;"
    " a witness that you run yourself proves nothing to others."
)
_OUTCOMES: Final = {"ok": "verified", "nothing_to_verify": "nothing to verify"}


def show(answered: Mapping[str, Any]) -> None:
    """Print what the day showed, what it left behind, and what to open next."""
    console = Console(highlight=False)
    summary = answered["summary"]
    console.print(f"\n[bold]A governed trading day, simulated[/bold]   {summary['day']}")
    console.print("No order left this machine; nothing here is a claim of performance.")
    console.print(_how(answered))
    console.print(
        f"Everybody in it is automatic and labelled so; the clock is a {summary['clock_source']}"
        f" clock; the seed is {summary['seed']!r}.\n"
    )
    console.print(_stated(summary["market"], summary["plan"]))
    console.print(_cases(summary["cases"]))
    console.print(_governance(summary))
    console.print(_reviewers(summary["reviewers"]))
    console.print(_strategies(summary["strategies"]))
    console.print(_counts(summary))
    console.print(_money(summary["valuation"]))
    for line in (*_notes(summary), *_outside(answered)):
        console.print(f"Note: {line}")
    _proof(console, summary)
    _signatures(console, answered)
    _pack(console, answered)
    _next(console, answered)
    _act(console, answered)


def _how(answered: Mapping[str, Any]) -> str:
    if answered["shown_again"]:
        return "This day was finished here before; it is shown again, nothing was run."
    if answered["flow_runs"]:
        return "It ran as two flow runs, intake and execute, on a temporary workflow server."
    return "It ran without the workflow engine."


def _command() -> str:
    """What to type for this program here."""
    return "counterseal" if which("counterseal") else os.path.relpath(sys.argv[0])


def _plain(title: str, *heads: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, show_edge=False)
    for head in heads:
        table.add_column(head, overflow="fold")
    return table


def _stated(facts: Sequence[Mapping[str, str]], plan: Mapping[str, Any]) -> Table:
    table = _plain("What was assumed", "parameter", "value")
    for fact in facts:
        table.add_row(fact["name"].replace("_", " "), fact["value"])
    for root, case in zip(plan["roots"], plan["usual"], strict=True):
        delays = ", ".join(str(v["after_seconds"]) for v in case["verdicts"])
        words = f"{case['order_type']} {case['time_in_force']}, quantity {case['quantity']}"
        table.add_row(f"usual order of {root}", words)
        table.add_row("  reviews, seconds after the request", delays)
        table.add_row("  submit, seconds after the request", str(case["submit_after_seconds"]))
    timeout = plan["order_timeout_seconds"]
    waits = "none: each order ends by its time in force" if timeout is None else str(timeout)
    table.add_row("order timeout seconds", waits)
    for name in ("confidence", "stop_distance_points"):
        table.add_row(f"{name.replace('_', ' ')}, where none is said", str(plan[name]))
    return table


def _cases(cases: Sequence[Mapping[str, Any]]) -> Table:
    """Every case that was planned to show something, and the first of the rest."""
    told = [case for case in cases if case["topic"] != USUAL]
    rest = [case for case in cases if case["topic"] == USUAL]
    chosen = sorted([*told, *rest[:USUAL_MAX]], key=lambda case: str(case["at"]))
    title = f"\nCases ({len(chosen)} of {len(cases)})"
    table = _plain(title, "UTC", "asks", "request", "order", "fills", "why")
    for case in chosen:
        topic = "" if case["topic"] == USUAL and case["reasons"] else case["topic"]
        table.add_row(
            case["at"][11:16],
            f"{case['side']} {case['quantity']} {case['symbol']}",
            case["request"].replace("_", " "),
            case["order"] or "-",
            "+".join(case["fills"]) or "-",
            ". ".join(part for part in (", ".join(case["reasons"]), topic) if part),
        )
    return table


def _governance(summary: Mapping[str, Any]) -> Table:
    """Which ways of deciding occurred, the first of each; all of it by automatic people."""
    title = "\nHow it was decided (demo-automatic, simulated)"
    table = _plain(title, "what", "times", "UTC", "the first of them")
    at = {case["request_id"]: case["at"][11:16] for case in summary["cases"]}
    for one in summary["shown"]:
        told = (f"{fact['name'].replace('_', ' ')} {fact['value']}" for fact in one["told"])
        when = at.get(one["request_id"], "-")
        table.add_row(one["what"], str(one["times"]), when, "; ".join(told))
    differ = summary["replay_differs"]
    answer = "same verdict and rule ids" if not differ else f"{differ} DIFFER"
    table.add_row("answers of the rules, asked again", str(summary["replayed"]), "-", answer)
    return table


def _reviewers(records: Sequence[Mapping[str, Any]]) -> Table:
    title = "\nReviewers (demo-automatic, simulated)"
    heads = (
        "who",
        "decided",
        "approved",
        "within 30 s",
        "as one of many",
        "median s",
        "lost later",
    )
    table = _plain(title, *heads)
    for one in records:
        names = ("decisions", "approvals", "hasty", "bulk", "due_to_decided_seconds")
        told = ["-" if one[name] is None else str(one[name]) for name in names]
        table.add_row(one["person_id"], *told, str(one["losing_cases"]))
    return table


def _strategies(results: Sequence[Mapping[str, Any]]) -> Table:
    """What became of each strategy's signals; refused by people, or by a check of risk."""
    heads = ("strategy", "signals", "refused", "approved", "orders", "filled", "fills", "contracts")
    table = _plain("\nStrategies (simulated, no claim of performance)", *heads)
    for name in ("profit", "costs", "after costs"):
        table.add_column(name, justify="right")
    for one in results:
        counts = ("signals", "refused", "approved", "orders", "filled", "fills", "contracts")
        costs = Decimal(one["costs"])
        net = None if one["profit"] is None else str(Decimal(one["profit"]) - costs)
        table.add_row(
            f"{one['strategy_id']} {one['version']}",
            *(str(one[count]) for count in counts),
            *(_rounded(amount) for amount in (one["profit"], one["costs"], net)),
        )
    return table


def _counts(summary: Mapping[str, Any]) -> Table:
    table = _plain("\nCounts", "what", "how often")
    table.add_row("signals", str(summary["signals"]))
    for name, prefix in (("requests", "requests"), ("orders", "orders"), ("refusals", "refused")):
        for tally in summary[name]:
            table.add_row(f"{prefix}: {tally['what'].replace('_', ' ')}", str(tally["times"]))
    table.add_row("fills", str(summary["fills"]))
    table.add_row("orders filled in part at least once", str(summary["partial_fills"]))
    table.add_row("positions settled at the close", str(summary["settlements"]))
    return table


def _money(valuation: Mapping[str, Any]) -> Table:
    table = _plain(f"\nSimulated account {valuation['account_id']}", "what", "amount")
    for name in ("cash", "market_value", "unrealized_pnl", "equity"):
        table.add_row(
            name.replace("_", " "), f"{_rounded(valuation[name])} {valuation['currency']}"
        )
    for held in valuation["positions"]:
        words = (
            f"{held['quantity']} at {_rounded(held['average_price'])}, marked"
            f" {_rounded(held['mark_price'])}, the last quoted price,"
            f" {held['mark_age_seconds']} s before the close"
        )
        table.add_row(held["symbol"], words)
    return table


def _rounded(amount: str | None) -> str:
    """For the eye: two places, half even; the exact value stands in the summary file."""
    return "-" if amount is None else f"{Decimal(amount):,.2f}"


def _notes(summary: Mapping[str, Any]) -> list[str]:
    """What a reader would wonder about, computed from the day."""
    notes = []
    for symbol in summary["symbols"]:
        always = [t["what"] for t in symbol["failed_checks"] if t["times"] == symbol["orders"]]
        if symbol["orders"] and always:
            notes.append(f"every order of {symbol['symbol']} failed {', '.join(always)}.")
    if not summary["partial_fills"]:
        notes.append("no order was filled in part: the limits leave room for one contract each.")
    hasty = sum(one["hasty"] for one in summary["reviewers"])
    if hasty:
        notes.append(
            f"{hasty} decisions came within 30 s of being due: nobody can have read the case in"
            " that time, and these reviewers are programs."
        )
    if any(Decimal(held["quantity"]) for held in summary["valuation"]["positions"]):
        notes.append(
            "positions are marked by the last price quoted before the close; `portfolio show`"
            " marks them by the last fill, so its equity may differ."
        )
    return notes


def _outside(answered: Mapping[str, Any]) -> list[str]:
    """What the evidence from outside is worth."""
    if answered["outside"] is None:
        return ["the evidence from outside is gone; another --out replays the day with it."]
    notes = [_UNSAFE]
    if answered["unstamped"] is not None:
        notes.append(f"no time-stamp was taken: {answered['unstamped']}.")
    return notes


def _proof(console: Console, summary: Mapping[str, Any]) -> None:
    outcome = _OUTCOMES.get(summary["verified"], summary["verified"])
    tables = "equal the log" if summary["reconciled"] else "DIFFER from the log"
    console.print(f"\nThe log    {summary['log_size']} records, {outcome}; the tables {tables}.")
    console.print(f"root       {summary['log_root']}")


def _signatures(console: Console, answered: Mapping[str, Any]) -> None:
    """How others check the signatures of one case."""
    told = answered.get("signatures")
    if told is None:
        return
    console.print("\n[bold]Check one case's signatures without this program[/bold]")
    for line in (f"cd {told['folder']}", *told["commands"]):
        console.print(f"  {line}", soft_wrap=True, markup=False)


def _pack(console: Console, answered: Mapping[str, Any]) -> None:
    """What an auditor takes home, and what its own verifier said of it."""
    told = answered.get("pack")
    if told is None:
        return
    outside = answered["outside"]
    console.print("\n[bold]An evidence pack of one case, checked by the verifier inside[/bold]")
    console.print(f"  {told['path']}: {told['records']} records, {told['outcome']}")
    for line in (
        f"{_command()} evidence verify {told['path']} --outside {outside}",
        f"cd {outside} && python3 -m zipfile -e evidence.zip .",
        "python3 -I evidence/verify.py --vkey log.vkey --policy policy",
    ):
        console.print(f"  {line}", soft_wrap=True, markup=False)


def _act(console: Console, answered: Mapping[str, Any]) -> None:
    """How somebody of the day goes on by command: here its auditor, with the whole log."""
    signer, secret = Path(answered["signer_state"]).parent, answered["passphrase_file"]
    home = str(answered["home"]).rstrip(os.sep)
    console.print("\n[bold]Go on in it by command; its people share one passphrase[/bold]")
    places = f"COUNTERSEAL_SIGNER_STATE={signer} COUNTERSEAL_LOG_KEY_PASSPHRASE_FILE={secret}"
    export = f"--as auditor --all --out {home}.all.zip --passphrase-file {secret}"
    for line in (
        f"export {places}",
        f"{_command()} evidence export --home {home} {export}",
    ):
        console.print(f"  {line}", soft_wrap=True, markup=False)


def _next(console: Console, answered: Mapping[str, Any]) -> None:
    console.print("\n[bold]Open next[/bold]")
    name = str(answered["home"]).rstrip(os.sep)
    command = _command()
    evidence = f"--vkey {answered['vkey']} --signer-state {answered['signer_state']}"
    if answered["outside"] is not None:
        evidence = f"--outside {answered['outside']} --reconcile"
    for line in (
        f"{command} up --home {name}",
        f"{command} audit verify --home {name} {evidence}",
        f"{command} audit reconcile --home {name}",
        f"{command} approvals list --home {name}",
        f"{command} approvals reviewers --home {name}",
        f"{command} policies replay --all --home {name}",
        f"{command} orders list --home {name}",
        f"{command} portfolio show --home {name}",
    ):
        console.print(f"  {line}", soft_wrap=True)
    console.print(f"  {name}/results/  signals, orders and fills as JSON Lines; summary.json")
