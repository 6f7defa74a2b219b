"""Work without the search for cycles."""

import gc

import pytest

from counterseal.kernel.errors import InputError
from storage.collection import uncollected


@pytest.mark.parametrize("was", [True, False])
def test_i1_the_search_is_as_it_was_afterwards(was: bool) -> None:
    """Batches and tick files: also when the work fails."""
    (gc.enable if was else gc.disable)()
    try:
        with pytest.raises(InputError):
            failing()
        assert gc.isenabled() is was
    finally:
        gc.enable()


def failing() -> None:
    with uncollected():
        assert not gc.isenabled()
        raise InputError("NOT_JSON", "work that fails")
