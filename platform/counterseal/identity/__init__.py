"""Who acts: people, their roles and keys, and the statements that they sign."""
