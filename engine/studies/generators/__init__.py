"""Generators scored against one another: leaderboard and free comparison."""
