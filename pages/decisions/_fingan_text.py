"""What the method expander of the Fin-GAN page says."""

METHOD = r"""
**Returns.** Open-to-close and close-to-open log-returns in turn, each capped at ±15 %; of a stock less the same of its
sector ETF (5.15), of an ETF raw. The condition is the last ten of them, a trading week. Split in time: 80 % training,
10 % validation, 10 % test; every window lies within one part.

**Generator and losses.** A small LSTM reads the window, eight Gaussian inputs are added, and one number comes out. With
$\mathrm{PnL}^*(x,\hat x)=\tanh(100\,\hat x)\,x$ the generator minimises

$$
J_G-\alpha\,\mathrm{PnL}^*+\beta\,\mathrm{MSE}-\gamma\,\mathrm{SR}^*+\delta\,\mathrm{STD},\qquad
J_G=-\tfrac12\,\mathbb E\log D(\text{fake}),\quad \mathrm{SR}^*=\frac{\mathbb E\,\mathrm{PnL}^*}{\mathrm{STD}},
\quad \mathrm{STD}=\mathrm{sd}(\mathrm{PnL}^*) \tag{5.13}
$$

Eight combinations of terms are tried; ForGAN is the same network on $J_G$ alone. The coefficients come from
**gradient-norm matching**: 25 epochs on $J_G$, in which $\alpha=\mathrm{mean}\,\lVert\nabla J_G\rVert/
\lVert\nabla\mathrm{PnL}^*\rVert$ and so on. From copies of those networks each combination trains 100 epochs more;
the one with the largest Sharpe ratio on the validation part is kept (Algorithm 2).

**Bets.** $B=1000$ returns are generated for each window; the bet is $p_u-p_d$, the share above zero less the share
below (5.4), and earns $10\,000\,(p_u-p_d)\,x$ basis points (5.5). The two half-days of a day are added (5.6);
$\mathrm{SR}=\sqrt{252}\,\mathrm{mean}/\mathrm{sd}$ of those days (5.7). The portfolio holds every ticker with equal
weight. The **seed-ensemble** averages the bets of all seeds, each with the combination its own validation chose.
The **longer choice** takes the combination with the largest mean of two ratios, on validation and on the last five
years of training: the networks have seen those, all alike, and in rehearsals on data that end earlier it was the better
predictor.

**Benchmarks.** An LSTM on squared error, the same with the economic terms (5.17), ARMA by exact likelihood with the
order of least AIC and rolled one step ahead, a logistic regression on the window, yesterday's sign, coin flips, long
only. All are fitted on the training part alone. A method of one number bets its sign.

**How sure.** Intervals resample blocks of 21 days, the same for all methods, so that differences are paired. The
deflated Sharpe ratio of Bailey and López de Prado asks whether the chosen combination's validation ratio is more than
the best of eight tries without skill.

**Costs.** A position changes only when the bet does: overnight and intraday follow without a gap. Cost is per unit
traded, one way; for a stock less its ETF it stands for both legs. No-trade rules keep the position within a band, or
leave small bets out; which one is decided on the validation part.

**What can go wrong.** One test part of two years, with the crash of 2020 in it, is one draw: read the intervals. A
single seed says little; the thesis prints one. Opens of daily files are not prices at which one could have traded. The
public record of a ticker today leaves out those that failed.
"""

TITLES = {
    "label": "Method",
    "method": "Method",
    "against": "Against",
    "difference": "Difference of SR",
    "low": "95 % low",
    "high": "95 % high",
    "p_value": "p",
    "half": "Half",
    "portfolio_sr": "Portfolio SR",
    "forgan_portfolio_sr": "ForGAN",
    "sd_over_seeds": "± seeds",
    "mean_pnl": "Mean PnL (bp a day)",
    "cost": "Cost (bp)",
    "rule": "Rule",
    "validation_sr": "SR, validation",
    "test_sr": "SR, test",
    "every_bet_sr": "SR, every bet",
    "turnover": "Traded a day",
    "break_even": "Break-even (bp)",
    "tickers": "Tickers",
    "published": "Published",
    "ticker": "Ticker",
    "luck_alone": "Best by luck",
    "deflated": "Deflated SR",
    "above_zero": "P(SR > 0), test",
    "probabilistic": "P(SR > 0)",
    "standard_error": "Standard error",
    "model": "Trained on",
    "seen": "Seen in training",
    "chosen": "Combination",
    "alpha": "α (PnL)",
    "beta": "β (MSE)",
    "gamma": "γ (SR)",
    "delta": "δ (STD)",
}
"""Columns of tables, in words."""

NO_DATA = (
    "These are results of prices that do not come with the app. What needs the prices themselves (a date's truth, PnL "
    "by half-day) appears when the same file is loaded under Market data and chosen in the sidebar."
)
