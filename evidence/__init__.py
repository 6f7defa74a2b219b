"""What leaves the house: packs that prove themselves, and their offline verifier.

Imports the core only: who hands over records, proofs and files is a port (storage).
"""
