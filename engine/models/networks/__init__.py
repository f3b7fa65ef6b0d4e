"""Blocks that several families share."""
