"""The checklist's Make aliases: each does what its name says, on a home of its own."""
