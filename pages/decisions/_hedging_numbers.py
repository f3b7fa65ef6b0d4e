"""How the hedging page writes numbers."""

from engine.charts import theme


def money(value: float) -> str:
    """Currency with three significant digits, or whole from 1,000 on."""
    return theme.signed(value, ",.0f") if abs(value) >= 1_000 else number(value)


def number(value: float, digits: int = 3) -> str:
    """Significant digits, a true minus; what is below a billionth is zero."""
    return "0" if abs(value) < 1e-9 else f"{value:.{digits}g}".replace("-", "−")


def in_percent(name: str, spot: float) -> str:
    """``call 3687.25`` → ``call 110 %``."""
    kind, _, strike = name.partition(" ")
    return f"{kind} {100 * float(strike) / spot:.4g} %"
