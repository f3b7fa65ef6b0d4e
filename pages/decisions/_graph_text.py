"""Words of the graph page."""

SELECTED = (
    "Sharpe ratio a year of the equally weighted portfolio on the test part, with the weighting that walking forward "
    "through training and validation part selects, mixed with each asset's own generator; block bootstrap interval."
)
IDENTITY = "The same portfolio when every asset is forecast by its own generator alone."
GAIN = "Selected less own generator, signs averaged over seeds, on the same resampled days; one-sided p of no gain."
GAIN_SEED = "The same with the generators of one seed, mean over seeds; days and seeds resampled."
LASSO = "Portfolio Sharpe ratio of the sparse graph, η chosen on the validation part as in the thesis."
WEIGHTING = (
    "How the edges are learned from the validation part. Selected is the one that walked forward best, mixed with each "
    "asset's own generator."
)
ETA = "Penalty of LASSO and Ridge, or the least PnL in return units. The graph is learned again at once."
LEAST = "Edges with a smaller |w| are not drawn; at most the 400 strongest are."
NODE = "Its out-neighbours are the generators that forecast it, its in-neighbours the assets that use its generator."
WITHIN = "Hides arrows between sectors (figure 6.21). Figures and downloads stay those of the whole graph."
LAYOUT = "Springs pull connected nodes together; the circle orders them by sector."
EXPONENTS = {"lasso": (-7.5, -3.0), "ridge": (-7.5, -3.0), "pnl_threshold": (-3.0, 0.0)}
"""Range of log10 η by weighting."""

VERDICT_TABLES = ("methods", "differences", "walk_forward", "seed_gains", "permutation", "stability")
"""What the sentences under the headline are made of."""

VOTES = (
    "Votes: 0 bets the weighted sum of expected signs, I its sign, II the weighted sum of the generators' directions, "
    "III the sign of that. Published figures in brackets."
)

METHOD = r"""
Generator $j$ was trained on asset $j$, but reads any asset's window $a^i$. Its expected sign there is
$s_j(a)=E\,\mathrm{sign}\,g_j(a,Z)$, from $B=100$ samples. Row $i$ of the graph, $\sum_j|w_{ij}|=1$, gives the bet (6.5)
and the law of the meta-generator (6.2):

$$
h_i=\sum_j w_{ij}\,s_j(a^i),\qquad P^i=\sum_j |w_{ij}|\;\mathrm{law\ of}\;\mathrm{sign}(w_{ij})\,g_j(a^i,Z).
$$

With $c_{ij}=\sum_t s_j(a^i_t)\,x^i_{t+\Delta}$ over the validation part (6.10):

* **Identity** $w_{ii}=1$. **Correlation** of returns. **SR-based** $w\propto$ the Sharpe ratio of $s_j$ on asset $i$.
* **PnL-based** $w\propto c$ (Proposition 4), **PnL threshold** the same where $|c|>\eta$,
  **PnL max** $\mathrm{sign}(c)$ at the largest $|c|$ (Proposition 3).
* **LASSO** (6.20) and **Ridge** (6.21), $w=\lambda/\sum|\lambda|$:

$$
\min_\lambda \frac1{2|T|}\sum_t\Big(|x_t|-\sum_j\lambda_j s_j(a_t)\,x_t\Big)^2+\eta\sum_j|\lambda_j|
\quad\text{or}\quad \eta\sum_j\lambda_j^2 .
$$

A row without any edge falls back to its own generator.

**Selected** is the weighting (and η) with the best portfolio ratio when training and validation part are walked
forward: each year is bet on with graphs learned from the two years before. Only generators of other sectors take part
there: they have seen neither the asset nor its ETF, while own generators look better than they are. So identity is the
baseline and no candidate, and the test part has no say. A row learned from two years is noisy, so half of the bet stays
with the own generator: rows are $\tfrac12 e_i+\tfrac12 w_i$, normalised. That share did best when the whole study was
rehearsed four times on data that end before the test part begins (`docs/graph_report.md`). η of a method by itself is
the one with the best ratio on the whole validation part, in sample, as in the thesis.

**All seeds** averages the expected signs over the training seeds of each asset's generator.

**What can go wrong.**

* Intervals resample blocks of 21 days of one test part of two years. They know nothing of other years.
* Eight weightings are compared. One of them may lead by luck; the p-values are of each by itself.
* *Shuffled returns*: the days of the validation part are put in random order and every graph is learned again. What
  such graphs reach comes from pooling generators, not from knowing which one to ask.
* Bets are before costs; the table of costs shows how little of a ratio 1 bp leaves.
* PageRank, degrees and edges describe what was learned on 2½ years. How many edges return when days are resampled or
  another seed is trained stands under *Seeds and luck*.

References: Vuletić (2025), chapter 6; Tibshirani (1996); Page, Brin, Motwani and Winograd (1999); Politis and Romano
(1992).
"""
