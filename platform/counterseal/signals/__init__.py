"""What strategies say, how it is taken in, and what the platform makes of it."""
