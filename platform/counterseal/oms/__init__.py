"""Orders: twelve states, exact quantities, reports in FIX words, timeouts, outbox, idempotency."""
