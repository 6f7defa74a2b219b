"""Governed requests, their ordered reviews by different people, and the check before execution."""
