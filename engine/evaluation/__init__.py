"""Is it right? Scores and tests of scenarios, paths and bets.

``scores`` and ``distances`` say how good a law is, ``calibration`` whether it is right, ``comparison`` which of two is
better; ``tails``, ``constant_correlation`` and ``path_stability`` look at one property each; ``trading`` judges bets.
"""
