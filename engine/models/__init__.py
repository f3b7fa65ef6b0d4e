"""Models: what generates tomorrow, found by name in ``registry``.

``families`` know arrays and ``tasks`` the market; ``family_model`` puts one on the other. ``volgan``, ``fingan``,
``conditional_fhs``, ``factor`` and ``simulated`` are written for their task. ``surface_model`` says what a generator of
next-day surfaces is, ``rollout`` walks any of them day by day; ``base`` is the name that notebooks know.
"""
