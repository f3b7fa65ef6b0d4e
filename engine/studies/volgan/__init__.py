"""VolGAN validated as the thesis does (chapter 3): forecasts, exceedances, paths, the discriminator.

``networks`` are the generators looked at, ``forecasts`` one pass through the test days, ``paths`` simulated histories;
``tables`` puts the thesis's figures beside ours; ``study`` is the order in which it is done.
"""

from engine.studies.volgan.study import BANDS, DATA, INPUTS, LABEL, Config, steps, summary
