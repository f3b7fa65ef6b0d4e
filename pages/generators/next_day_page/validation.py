"""The validation of VolGAN on its page: a finished study at once, one section at a time, and a job for one's own."""

import numpy as np
import pandas as pd
import streamlit as st

from engine.charts import theme, validation
from engine.charts.validation import eigen_surfaces
from engine.datasets import Loaded
from engine.runs.checkpoints import Listed
from engine.runs.studies import StudyResult
from engine.studies import volgan
from pages.ui import cache, forms, frame, generators, study_jobs, widths

STUDY = "volgan"

TRAIN = "Train new ones"
"""What stands among the generators to validate if none of them is meant."""

REJECTED = 0.5
"""A quantile counts as wrong if Kupiec rejects it at 5 % for at least this share of the networks."""

P_VALUES = ("p value", "kupiec p", "independence p", "conditional p", "robust p")
"""Headings of tables."""

TINY = 1e-3
"""A column whose typical size is below this, or above 10,000, is shown with an exponent."""

LAWS = ("volgan", "volgan_reweighted", "fhs", "truth", "bce")
"""Laws that forecast, as the study's tables call them."""

RAW_LAWS = ("volgan", "fhs", "truth", "bce")
"""Laws that simulated histories are drawn from."""

SPOKEN = {"S": "Index: daily log-return", "VIX": "Volatility index"}


def draw(loaded: Loaded) -> None:
    """The tab: the study of these data, or the shipped one and how to run one's own."""
    study_jobs.tab(
        STUDY,
        loaded,
        _show,
        _form,
        called="validation",
        heading="Validate on these data",
        icon=":material/fact_check:",
        key="validation",
    )


def _show(result: StudyResult) -> None:
    _answer(result)
    section = forms.section(SECTIONS, key="validation_section")
    study_jobs.every_table(result, SECTIONS[section](result), _show_table, stem="volgan-validation", key="validation")


def _answer(result: StudyResult) -> None:
    """Metrics, the honesty line, and one plain sentence a law."""
    penalty = cache.study_table(result, "penalty").set_index(["model", "statistic"])["value"]
    coverage = cache.study_table(result, "coverage")
    crps = cache.study_table(result, "crps").set_index(["model", "series"])
    summary = cache.study_table(result, "score_summary").set_index(["model", "part"])
    seeds = int(summary.loc[("volgan", "test"), "seeds"])
    days = int(summary.loc[("volgan", "test"), "days"])
    bands = cache.study_table(result, "bands").set_index(["series", "model"]).loc["all"]
    band = bands["inside"]
    ratio = crps.loc[("volgan", "S")]
    frame.metrics(
        [
            (
                "Days inside the 95 % bands",
                theme.percent(band["volgan"]),
                f"FHS {theme.percent(band['fhs'])} · nominal 95 %",
                "Raw scenarios, averaged over the followed series. FHS: filtered historical simulation."
                + published_inside(coverage, "volgan"),
            ),
            (
                "… after reweighting",
                theme.percent(band["volgan_reweighted"]),
                f"raw {theme.percent(band['volgan'])}",
                "Under β = 500/max Φ, the published choice." + published_inside(coverage, "volgan_reweighted"),
            ),
            (
                "Return: CRPS over FHS's",
                f"{float(ratio['ratio']):.2f}",
                "below 1 is better than FHS",
                "Ratio of the mean continuous ranked probability scores of the next-day return.",
            ),
            (
                "Mean Φ, raw",
                _phi(penalty["volgan", "mean"]),
                f"data {_phi(penalty['data', 'mean'])} · BCE alone {_phi(penalty['bce', 'mean'])}",
                "Published on SPX: raw 0.0199, data 0.0096, adversarial loss (BCE) alone 2.4635.",
            ),
        ]
    )
    frame.provenance(
        f"{days:,} days out of sample",
        f"{seeds} network{'s' if seeds > 1 else ''} from different seeds, "
        f"{int(result.settings['scenarios']):,} scenarios a day each",
        f"{result.data['name']}, {result.data['period'][0]} to {result.data['period'][1]}",
    )
    if seeds > 1:
        table = cache.study_table(result, "penalty")  # the line of Table 3.1 with VolGAN's mean Φ
        phi = table[(table["model"] == "volgan") & (table["statistic"] == "mean")].iloc[0]
        frame.provenance(
            f"95 % intervals over seeds: raw bands {between(bands.loc['volgan'], 'seeds')}, reweighted "
            f"{between(bands.loc['volgan_reweighted'], 'seeds')}, CRPS ratio {float(ratio['seeds_low']):.2f} to "
            f"{float(ratio['seeds_high']):.2f}, Φ {_phi(max(0.0, float(phi['seeds_low'])))} to "
            f"{_phi(float(phi['seeds_high']))}",
            f"over test days: raw bands {between(bands.loc['volgan'], 'days')}, FHS "
            f"{between(bands.loc['fhs'], 'days')}",
        )
    models = [name for name in ("volgan", "volgan_reweighted", "fhs", "truth") if name in set(coverage["model"])]
    with st.container(border=True):
        st.markdown("**Where the model is wrong**")
        for model in models:
            wrong = bool(wrong_series(coverage, model))
            icon = ":material/warning:" if wrong else ":material/check_circle:"
            st.markdown(f"{icon} {frame.plain(verdict(coverage, model))}")
        frame.caption(
            "A quantile counts as rejected if Kupiec's test rejects it at 5 % for at least half of the networks. "
            f"Of {4 * coverage['series'].nunique()} quantiles a right law has about "
            f"{0.2 * coverage['series'].nunique():.1f} rejected by chance."
        )


def wrong_series(coverage: pd.DataFrame, model: str) -> list[str]:
    """Series of which at least one quantile is wrong."""
    part = coverage[(coverage["model"] == model) & (coverage["not_rejected"] <= REJECTED)]
    return list(dict.fromkeys(part["series"]))


def verdict(coverage: pd.DataFrame, model: str) -> str:
    """One sentence on a law: how many series it gets wrong, and what is farthest off."""
    part = coverage[coverage["model"] == model].copy()
    series, wrong = part["series"].nunique(), wrong_series(coverage, model)
    if not wrong:
        return f"{validation.NAMES[model]}: no quantile of the {series} series is rejected."
    part["off"] = (part["share"] - part["level"]).abs()
    worst = part.loc[part["off"].idxmax()]
    return (
        f"{validation.NAMES[model]}: quantiles of {len(wrong)} of {series} series are rejected; farthest off "
        f"{worst['series']}, {theme.percent(float(worst['share']))} of days below its "
        f"{100 * worst['level']:g} % quantile."
    )


def published_inside(coverage: pd.DataFrame, model: str) -> str:
    """What the thesis's tables give for the share inside the bands, over the series that are followed."""
    part = coverage[(coverage["model"] == model) & coverage["published"].notna()]
    if part.empty:
        return ""
    share = part.groupby("level")["published"].mean()
    words = theme.percent(float(share[0.975] - share[0.025]))
    return f" Published (SPX, 2018 to 2023, the closest of these series): {words}."


def between(row: pd.Series, what: str) -> str:
    """An interval of shares: ``85.1 to 94.3 %``."""
    low, high = (100 * min(1.0, max(0.0, float(row[f"{what}_{end}"]))) for end in ("low", "high"))
    return f"{low:.1f} to {high:.1f} %"


def calibration(result: StudyResult) -> str:
    """Exceedances of every series, and where each vol was read off."""
    table = cache.study_table(result, "coverage")
    there = [name for name in LAWS if name in set(table["model"])]
    shown = st.multiselect(
        "Laws",
        there,
        there[:4],
        format_func=lambda name: validation.NAMES[name],
        key="validation_laws",
        help="Raw: scenarios as drawn. Reweighted: under β = 500/max Φ. The dashed line is where the share should be.",
    )
    published = st.toggle("Show the thesis's figures (SPX, 2018 to 2023)", key="validation_published")
    if shown:
        frame.picture(validation.exceedances, table, shown, published=published, key="validation_exceedances")
    moved = cache.study_table(result, "series")
    moved = moved[~moved["exact"]]
    if len(moved):
        stands = moved.groupby("followed_at", sort=False)["wanted"].agg(", ".join)
        words = "; ".join(f"{at} stands for {wanted}" for at, wanted in stands.items())
        st.caption(frame.plain(f"The grid of the data is narrower than the thesis's: {words}."))
    st.markdown("**Score of each series beside filtered historical simulation's**")
    _show_table(cache.study_table(result, "crps"), "validation_crps", height=240)
    st.markdown("**Tables 3.2 and 3.3**")
    return "coverage"


def bands(result: StudyResult) -> str:
    """95 % bands over time of one series, raw, reweighted and the baseline's."""
    arrays = cache.study_arrays(result, volgan.BANDS)
    table = cache.study_table(result, "coverage")
    dates = np.asarray(cache.study_table(result, "penalty_by_day")["date"])
    series = list(dict.fromkeys(table["series"]))
    names = [*series[:1], *series[2:], series[1]]
    left, right = widths.columns(2)
    name = left.selectbox(
        "Series", names, format_func=lambda name: SPOKEN.get(name, f"{name} vol"), key="validation_series"
    )
    there = [law for law in LAWS if law in arrays]
    laws = right.multiselect(
        "Bands", there, there[:2], format_func=lambda law: validation.NAMES[law], key="validation_bands"
    )
    factor, unit = {"S": (1e4, "bp"), "VIX": (1.0, "points")}.get(name, (100.0, "% a year"))
    s = series.index(name)
    frame.picture(
        validation.bands_over_time,
        dates,
        factor * arrays["realised"][:, s],
        {law: factor * arrays[law][:, :, s] for law in laws},
        title=SPOKEN.get(name, f"{name} vol"),
        unit=unit,
        key="validation_bands_chart",
    )
    if name == "S":
        last = len(dates) - 1
        ends = ", ".join(
            f"{validation.NAMES[law]} {_level(arrays, law, last, 1)} … {_level(arrays, law, last, 2)}" for law in laws
        )
        frame.caption(f"As levels, for {dates[last]}: {ends}; the index came to {_level(arrays, None, last, 0)}.")
    return "coverage"


def penalty(result: StudyResult) -> str:
    """Φ over time and Table 3.1."""
    daily = cache.study_table(result, "penalty_by_day")
    there = [name for name in ("data", *LAWS) if name in daily.columns]
    shown = st.multiselect(
        "Laws",
        there,
        [name for name in there if name in ("data", "volgan", "volgan_reweighted")],
        format_func=lambda name: validation.NAMES[name],
        key="validation_penalty_laws",
    )
    if shown:
        frame.picture(validation.penalties_over_time, daily, shown, key="validation_penalty")
    left = float(daily["effective_share"].mean())
    frame.caption(
        f"Reweighting leaves on average {theme.percent(left)} of the scenarios of a day in effect, on its worst "
        f"day {theme.percent(float(daily['effective_share'].min()))}."
    )
    st.markdown("**Table 3.1**")
    return "penalty"


def scores(result: StudyResult) -> str:
    """Scores over time, and the days that the discriminator finds least like the others."""
    daily = cache.study_table(result, "scores")
    summary = cache.study_table(result, "score_summary").set_index(["model", "part"])
    frame.picture(validation.scores_over_time, daily, key="validation_scores")
    test = daily[daily["part"] == "test"]
    large = test["size"] > daily.loc[daily["part"] == "train", "size"].quantile(0.99)
    flagged, of_large = float(test["extreme"].mean()), float(test.loc[large, "extreme"].mean()) if large.any() else 0.0
    with_size = float(summary.loc[("volgan", "test"), "correlation_with_size"])
    spread = float(summary.loc[("volgan", "test"), "sd"])
    frame.say(
        f"{theme.percent(flagged)} of the days out of sample score below the 1 % quantile in sample, and "
        f"{theme.percent(of_large)} of the {int(large.sum()):,} days that moved by more than 99 % of those in "
        f"sample: {_detection(flagged, of_large)}. Scores spread by {theme.significant(spread)} around ½ "
        f"(published: below 0.2 at the start of the pandemic); their rank correlation with the size of moves is "
        f"{theme.signed(with_size, '.2f')}."
    )
    st.markdown("**Days of lowest score, and what moved on them** (in standard deviations of the training part)")
    return "extreme_days"


def correlation(result: StudyResult) -> str:
    """Daily correlation of simulated return and at-the-money increment against a constant one."""
    daily, test = cache.study_table(result, "correlation_by_day"), cache.study_table(result, "correlation_test")
    there = [name for name in RAW_LAWS if name in daily.columns]
    frame.picture(validation.correlation_over_time, daily, test, there[:3], key="validation_correlation")
    row = test.set_index("model").loc["volgan"]
    frame.say(
        f"VolGAN's correlation lies outside the band of a constant one (shaded) on "
        f"{theme.percent(float(row['share_outside']))} of days; 5 % if it were constant ({_p(row['p_value'])}, "
        f"allowing for heavy tails {_p(row['robust_p'])}): {_constancy(row)}."
    )
    return "correlation_test"


def components(result: StudyResult) -> str:
    """Components of simulated histories, and Tables 3.6 to 3.9."""
    shares, angles = cache.study_table(result, "components"), cache.study_table(result, "alignment")
    pairs = cache.study_table(result, "correlations")
    there = [name for name in RAW_LAWS if name in set(shares["model"])]
    frame.picture(validation.component_panels, shares, angles, there, key="validation_components")
    if "eigen_surfaces" in result.table_names():  # validations made before there was this table lack it
        st.markdown("**Eigen-surfaces** of the data and of simulated histories, mean over these (Figures 3.13–3.15)")
        eigen = cache.study_table(result, "eigen_surfaces")
        frame.picture(eigen_surfaces, eigen, ("data", *there[:2]), key="validation_eigen")
    st.markdown("**Correlations of index, level, at-the-money vol and volatility index** (Tables 3.7–3.9)")
    frame.picture(validation.pair_panels, pairs, there[:3], key="validation_pairs")
    st.markdown("**Correlations of the return with the projections on the data's components** (Table 3.6)")
    _show_table(cache.study_table(result, "return_correlations"), "validation_projections", height=240)
    st.markdown("**Tables 3.7–3.9**")
    return "correlations"


def tails(result: StudyResult) -> str:
    """Histograms on a logarithmic axis, and the tails in numbers."""
    histogram, table = cache.study_table(result, "histogram"), cache.study_table(result, "tails")
    there = [name for name in ("data", *RAW_LAWS, "gaussian") if name in histogram.columns]
    series = st.segmented_control(
        "Quantity",
        list(dict.fromkeys(histogram["series"])),
        default="return",
        required=True,
        key="validation_tail_series",
        format_func=lambda name: {"return": "Index return", "ATM increment": "At-the-money increment"}[name],
    )
    frame.picture(validation.tails, histogram, str(series), there, key="validation_tails")
    part = table[table["series"] == series].set_index("model")
    words = "; ".join(
        f"{validation.NAMES[name]} {theme.signed(float(part.loc[name, 'skewness']), '+.2f')} and "
        f"{float(part.loc[name, 'left_cv']):.2f}/{float(part.loc[name, 'right_cv']):.2f}"
        for name in ("data", "volgan", "fhs", "truth")
        if name in part.index
    )
    frame.say(f"Skewness, and coefficient of variation of the left/right tail (1 exponential, 0.89 Gaussian): {words}.")
    return "tails"


def matching(result: StudyResult) -> str:
    """Gradient norms during matching and the coefficients they gave."""
    norms = cache.study_table(result, "matching")
    if norms.empty:
        st.info("The checkpoint of this generator holds no gradient norms.", icon=":material/info:")
        return "coefficients"
    frame.picture(validation.gradient_norms, norms, key="validation_matching")
    last = norms.groupby("term", sort=False)["norm"].agg(["first", "last"])
    words = ", ".join(
        f"{term} {theme.significant(row['first'])} → {theme.significant(row['last'])}" for term, row in last.iterrows()
    )
    st.markdown(frame.plain(f"Norms from the first to the last update: {words}."))
    st.markdown("**Coefficients of the smoothness terms**")
    return "coefficients"


SECTIONS = {
    "Calibration": calibration,
    "Forecasts": bands,
    "Penalty": penalty,
    "Scores": scores,
    "Correlation": correlation,
    "Components": components,
    "Tails": tails,
    "Matching": matching,
}
"""Section → what draws it and names the table behind it."""


def _form(loaded: Loaded) -> None:
    """Which generators to validate, the settings, and the button that starts the job."""
    fitting, plain = _fitting(loaded, "volgan"), _fitting(loaded, "bce")
    with st.form("validation_run", enter_to_submit=False):
        st.markdown(
            "A trained generator is validated in some minutes; networks trained anew take about a quarter of an hour. "
            "You may leave this page."
        )
        chosen = st.selectbox(
            "Generator to validate",
            [*fitting, TRAIN],
            format_func=lambda name: name if name == TRAIN else generators.words(fitting[name]),
            key="validation_generator",
            help="Trained generators of this grid. Days of these data up to the end of their training are left out of "
            "the test. New ones are trained first, several networks at once.",
        )
        values = forms.config_fields(volgan.Config, key="validation")
        submitted = st.form_submit_button("Validate in the background", type="primary", icon=":material/play_arrow:")
    if not submitted:
        return
    with frame.errors("Change the settings and try again."):
        inputs = {}
        if chosen != TRAIN:
            inputs["model"] = fitting[chosen].name
            inputs |= {"bce": next(iter(plain.values())).name} if plain else {}
        study_jobs.start(STUDY, loaded.entry.id, values, f"validation-{loaded.data.fingerprint}", inputs=inputs)
    st.rerun()


def _fitting(loaded: Loaded, loss: str) -> dict[str, Listed]:
    """Name → generators of VolGAN's family trained with a loss, on the grid of the data; the same data's first."""
    found = []
    for listed in generators.usable((STUDY,)).values():
        card = listed.card
        if card is not None and card.grid == loaded.data.grid and card.config.get("loss") == loss:
            other = (card.data_name, card.data_origin) != (loaded.label, loaded.origin)
            found.append((other, -int(card.config.get("members", 1)), listed))
    return {one.name: one for *_, one in sorted(found, key=lambda item: item[:2])}


def _show_table(table: pd.DataFrame, key: str, *, height: int | None = None) -> None:
    """A table without an index; what is downloaded keeps the short names and all digits."""
    shown = table.copy()
    if "model" in shown:
        shown["model"] = [validation.NAMES.get(name, str(name).replace("_", " ")) for name in shown["model"]]
    shown = shown.dropna(axis=1, how="all")
    shown.columns = [str(name).replace("_", " ") for name in shown.columns]
    floats = shown.select_dtypes("float").columns
    st.dataframe(
        shown,
        column_config={name: st.column_config.NumberColumn(format=_format(name, shown[name])) for name in floats},
        hide_index=True,
        width="stretch",
        key=key,
        **({} if height is None else {"height": height}),
    )


def _format(heading: str, column: pd.Series) -> str:
    size = float(column.abs().median())
    if heading in P_VALUES:
        return "%.2g"
    if heading == "level":
        return "%.3f"
    if heading in ("seeds", "days"):
        return "%d"
    return "%.4f" if TINY <= size < 1e4 or size == 0 else "%.3g"


def _phi(value: float) -> str:
    """Φ with two digits; what rounding leaves of a surface without arbitrage is zero."""
    return theme.significant(float(value)) if value > 1e-12 else "0"


def _level(arrays: dict[str, np.ndarray], law: str | None, day: int, position: int) -> str:
    log_return = arrays["realised"][day, 0] if law is None else arrays[law][position, day, 0]
    return f"{float(arrays['spot'][day]) * float(np.exp(log_return)):,.2f}"


def _detection(flagged: float, of_large: float) -> str:
    """A detector of extreme days scores large moves low much more often than others."""
    if of_large >= 0.5:
        return "low scores find most of the large moves"
    if of_large >= 0.1 and of_large > 3 * flagged:
        return "low scores find some of the large moves"
    return "low scores do not find the large moves"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p {theme.significant(float(value))}"


def _constancy(row: pd.Series) -> str:
    """Whether the correlation moves, and whether by enough to matter."""
    if row["robust_p"] >= 0.05:
        return "no sign that it moves"
    spread = theme.significant(float(row["sd_over_days"]))
    much = "it moves from day to day" if row["sd_over_days"] >= 0.01 else "it moves, but by next to nothing"
    return f"{much} (standard deviation over days {spread})"
