"""Ways to reach people: each takes a notice, or says that it did not."""
