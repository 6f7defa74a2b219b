"""The key that may sign next, as the log itself tells.

Job: refuse a log key that an auditor who walks the log would not accept.

Not here: the walk (audit.keys), changing the key (rotation).
Source: design part "keys".
"""

from counterseal.audit.keys import SealStanding, walk_keys
from counterseal.audit.note import VerifierKey, parse_vkey
from counterseal.audit.rollback import STREAM as ROLLBACKS
from counterseal.desk.archive import key_records
from counterseal.desk.installation import Installation
from counterseal.desk.records import KEY_STREAM
from counterseal.kernel.errors import IntegrityError
from storage.home_reader import read_home
from storage.settings import Settings


def check_in_force(settings: Settings, key: VerifierKey) -> None:
    """Refuse a key that the log does not let sign its next record, such as a file put back.

    Raises:
        IntegrityError: `KEY_NOT_IN_FORCE`: an earlier key beyond its overlap, a revoked one, or a
            later one than the records tell of.
    """
    with read_home(settings) as reader:
        installed, ends = reader.find(Installation), reader.ends()
        told = key_records(reader.in_streams(KEY_STREAM, ROLLBACKS))
    if not installed or ends is None:
        return
    ring, _ = walk_keys(parse_vkey(installed[0].log_vkey), told)
    if ring.standing(key, ends[1] + 1) is not SealStanding.COUNTS:
        raise IntegrityError(
            "KEY_NOT_IN_FORCE",
            "the log is signed by another key now; bring back its file",
            expected=ring.current.text,
            got=key.text,
        )
