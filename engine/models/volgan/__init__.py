"""VolGAN, the conditional GAN of the next day's surface.

``generator`` has what it sees and how it draws, ``model`` is the surface model and its walk day by day;
``training`` has its phases and its monitor, ``update`` one step for all stacked networks.
"""
