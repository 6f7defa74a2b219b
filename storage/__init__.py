"""The cellar: tables, the unit of work, the sequencer, the signer's state. Says what was.

The rooms of the core name their ports; this one keeps them on SQLite. Nothing here decides, and no
table leaves: domain documents go in and come out.
"""
