"""What only a browser can do."""
