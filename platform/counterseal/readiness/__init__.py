"""Readiness: what this platform is and is not, from probes, never from a constant."""
