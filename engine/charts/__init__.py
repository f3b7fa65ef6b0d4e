"""Every figure of the product, drawn with plotly: one module for what is drawn, ``theme`` for how it looks."""
