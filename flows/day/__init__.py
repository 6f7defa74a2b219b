"""One governed trading day, replayed from a stated market."""
