"""How runs of flows ended, in the log of the flows.

Job: write one line for a run that came to its end, by ids and codes alone.

Not here: the runs (runs), the forms of lines (storage.telling).
Source: issue "Always on", point 4.
"""

from flows.workplace import workplace
from storage.telling import House, Tell, Told, telling


def tell_done(run_id: str, flow: str, subject: str) -> None:
    """A run that came to its end; `subject` is told where it is an id of ours."""
    _log()(Told.RUN_DONE, run_id=run_id, flow=flow, subject_id=subject)


def tell_failed(run_id: str, flow: str, error: BaseException) -> None:
    """A run that failed: by the code of what ended it, its kind and its place."""
    _log()(Told.RUN_FAILED, error, run_id=run_id, flow=flow)


def _log() -> Tell:
    place = workplace()
    return telling(place.settings.counterseal_home, House.FLOWS, place.clock)
