"""One module per page: ask the desk for a view, show it, hand on what was asked for."""
