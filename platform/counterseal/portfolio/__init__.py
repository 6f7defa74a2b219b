"""Positions, cash and profit, each derived from fills and kept in balance."""
