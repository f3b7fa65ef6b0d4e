"""Chapter 2 on any surfaces.

``dynamics`` has components and factor processes, ``factor_models`` simulates and reweights; ``study`` is the order.
"""

from engine.studies.surfaces.study import DATA, INPUTS, LABEL, PUBLISHED_PENALTY, Config, steps, summary
