"""The steps, oldest first: one module and its frozen SQL each."""
