"""The demo: two deterministic markets to press buttons in; it knows no store, broker or network."""
