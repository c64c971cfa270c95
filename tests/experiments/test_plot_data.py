from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pandas
import pytest

from iqf_core.errors import ConfigurationError
from iqf_core.experiments.results.plot_panels import make_panels
from iqf_core.experiments.results.plots import draw, plot_results
from iqf_core.experiments.results.results import Results
from iqf_core.experiments.tracking.tracker import Tracker

Track = Callable[..., str]
NOISE = {"gaussian_noise.sigma_dn": 0}


@pytest.fixture(scope="module")
def study(module_track: Track, module_tracker: Tracker) -> Results:
    """Scores that fall with noise, and a sharpness that falls with them; one value is zero."""
    for repetition in range(3):
        for sigma in (0, 100, 20, 3, 40, 60):
            score = (100 - sigma) / 100 + 0.01 * (repetition - 1) if sigma != 100 else 0.0
            module_track(
                f"gaussian_noise:sigma_dn={sigma}" if sigma else "none",
                {"val_score": score, "sharpness": 5 - sigma / 25, "odd": math.nan},
                repetition=repetition,
                identity=NOISE if sigma else None,
            )
    for quality in (10, 5):
        module_track(f"jpeg:quality={quality}", {"val_score": quality / 20, "sharpness": 2.0})
    return Results("digits", tracking_uri=module_tracker.target.uri)


def test_the_numbers_behind_a_plot_lie_beside_it(study: Results, tmp_path: Path) -> None:
    study.plot("line", out=tmp_path / "plot.png", metric="val_score")
    frame = pandas.read_csv(tmp_path / "plot.csv")
    noise = frame[frame["panel"] == "gaussian_noise"]
    assert noise["x"].tolist() == [0, 3, 20, 40, 60, 100]  # as words, 100 would come before 20
    assert noise["mean"].tolist() == pytest.approx([1, 0.97, 0.8, 0.6, 0.4, 0])
    assert noise["std"].tolist() == pytest.approx([0.01, 0.01, 0.01, 0.01, 0.01, 0])
    assert noise["count"].tolist() == [3] * 6
    assert noise["unmodified"].tolist() == [True, *[False] * 5]
    values = [float(text) for text in noise["runs"].iloc[2].split()]
    assert sorted(values) == pytest.approx([0.79, 0.8, 0.81])
    jpeg = frame[frame["panel"] == "jpeg"]
    assert jpeg["x"].dropna().tolist() == [5, 10]
    assert jpeg["std"].isna().tolist() == [True, True, False]  # one run has no spread
    level = jpeg[jpeg["x"].isna()]
    assert (level["unmodified"].item(), level["mean"].item()) == (True, pytest.approx(1))


@pytest.mark.parametrize("kind", ["line", "bar", "scatter"])
def test_a_plot_as_a_page_holds_chart_table_and_numbers(
    study: Results, tmp_path: Path, kind: str
) -> None:
    out = plot_results(study, kind, metric="val_score", out=tmp_path / "plot.html")
    text = out.read_text(encoding="utf-8")
    assert text.count("<svg") == 2
    assert text.count("<rect") == (8 + 1 if kind == "bar" else 1)  # bars, and a level's band
    assert 'download="plot.csv"' in text
    assert (tmp_path / "plot.csv").is_file()


def test_one_metric_goes_against_another(study: Results, tmp_path: Path) -> None:
    out = study.plot("scatter", x="sharpness", metric="val_score", out=tmp_path / "plot.html")
    text = out.read_text(encoding="utf-8")
    assert text.count("<circle") == 3 * 6 + 2
    assert "rank correlation" in text
    frame = pandas.read_csv(tmp_path / "plot.csv")
    assert set(frame["line"]) == {"unmodified", "gaussian_noise", "jpeg"}
    assert frame["x_name"].unique().tolist() == ["sharpness"]
    with pytest.raises(ConfigurationError, match="no metric 'sharpnes'"):
        study.plot("scatter", x="sharpnes", out=tmp_path / "plot.html")
    with pytest.raises(ConfigurationError, match="no parameter 'sharpness'"):
        study.plot("line", x="sharpness", out=tmp_path / "plot.html")


def test_a_long_legend_is_cut_and_says_so(track: Track, tracker: Tracker) -> None:
    for rate in range(30):
        for sigma in (1, 2):
            track(f"gaussian_noise:sigma_dn={sigma}", {"mse": 1.0}, learning_rate=rate / 100)
    results = Results("digits", tracking_uri=tracker.target.uri)
    figure = draw("d", make_panels(results.runs()), ["mse"], "line")
    (legend,) = figure.legends
    assert len(legend.get_texts()) == 24
    assert "6 more lines are not named" in legend.get_title().get_text()
