"""Bytes, hashes, trees, notes and verdicts: what makes the log checkable by an outsider."""
