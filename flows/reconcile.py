"""Flow `reconcile`: gateway, orders, books and log are compared, and what differs is recorded.

A critical difference locks its account until a risk reviewer resolves it; the run itself succeeds.

Not here: what is done (gateway_work), schedules (prefect.yaml).
Source: TX-I11 (reconciliation_loop); workflow part 5.
"""

from prefect import flow

from flows.gateway_work import ReconcileAccountsReport, reconcile_accounts
from flows.runs import FAILURES, leave_trace, milestone, run_id
from flows.workplace import workplace


@milestone
async def compared(run: str) -> ReconcileAccountsReport:
    """One comparison; see `flows.gateway_work.reconcile_accounts`."""
    return reconcile_accounts(workplace(), run)


@flow(name="reconcile", persist_result=False, on_failure=FAILURES)
async def reconcile() -> ReconcileAccountsReport:
    """Compare the four records once.

    Raises:
        IntegrityError: sealing failed; nothing is acknowledged then.
        AdapterError: the home or its gateway cannot be read.
    """
    report = await compared(run_id())
    rows: list[dict[str, int | str]] = [
        {"outcome": "critical", "count": report.critical},
        {"outcome": "warning", "count": report.warnings},
    ]
    rows += [{"outcome": kind, "count": 1} for kind in report.kinds]
    await leave_trace("reconcile", "batch", report.run_id, rows)
    return report
