"""The words that every room shares: errors, numbers, time, ids, bytes, documents."""
