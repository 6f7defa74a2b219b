"""The windows: they show, ask, and call the desk. No rule lives here."""
