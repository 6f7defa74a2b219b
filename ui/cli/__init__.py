"""The command line; it imports no flow and no page."""
