"""The use cases that people and flows call: load, decide, append, act."""
