"""What is traded, when, and at which stated quote."""
