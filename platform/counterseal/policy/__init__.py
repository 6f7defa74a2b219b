"""The law: who may do what, within which limits, by which version of the documents."""
