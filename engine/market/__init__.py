"""What happened: grids, histories of prices, surfaces and quotes, and how they come in and go out.

``intake`` reads files, ``export`` writes them; ``returns`` cuts half-day returns into windows.
"""
