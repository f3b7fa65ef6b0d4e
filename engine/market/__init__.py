"""What happened: grids, surface and price histories, option quotes, and the door through which files come in."""
