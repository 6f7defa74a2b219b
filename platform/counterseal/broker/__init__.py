"""The paper broker: a named, deterministic model of fills, and the gateway in front of it."""
