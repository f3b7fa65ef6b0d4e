"""Graph ensembles of Fin-GAN generators (chapter 6), and their rehearsal on markets that are simulated.

``inputs`` are windows and generators; ``selection`` and ``live`` choose weights, ``robustness`` varies what was chosen;
``results`` says what was found; ``study`` is the order of it. ``rehearsal`` is a study of its own.
"""

from engine.studies.graph.study import DATA, INPUTS, LABEL, Config, steps, summary
