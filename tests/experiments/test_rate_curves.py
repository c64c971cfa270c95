"""Rate plots and the deltas of the coders of a study."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
from click.testing import CliRunner

from iqf_core.cli.results import results as results_command
from iqf_core.errors import ConfigurationError
from iqf_core.experiments.results.plots import draw, plot_results
from iqf_core.experiments.results.rate_curves import codec_curves, rate_metric, rate_panel
from iqf_core.experiments.results.results import Results
from iqf_core.experiments.tracking.tracker import Tracker

Track = Callable[..., str]


@pytest.fixture
def results(tracker: Tracker) -> Callable[[], Results]:
    return lambda: Results("digits", tracking_uri=tracker.target.uri)


def quality(rate: float, gain: float = 0.0) -> dict[str, float]:
    return {"val.bpppc": rate, "val_psnr": 30 + 6 * math.log2(rate) + gain}


@pytest.fixture(scope="module")
def study(module_track: Track, module_tracker: Tracker) -> Results:
    track = module_track
    for repetition in range(2):
        same = {"repetition": repetition}
        track("none", {"val_psnr": 60.0 + repetition}, **same)
        track("blur:sigma_px=1", {"val_psnr": 20.0}, **same)
        for setting, rate in ((90, 4.0), (70, 2.0), (50, 1.0), (30, 0.5)):
            values = quality(rate, gain=repetition - 0.5)
            track(f"jpeg:quality={setting},subsampling=420", values, **same)
            track(f"jpeg2000:bpppc={rate}", quality(0.8 * rate, gain=0.0), **same)
        for setting in (30, 40):
            track(f"jpeg2000:quality={setting}", quality(setting / 20), **same)
        track("ccsds121", {"val.bpppc": 9.0, "val_psnr": math.inf}, **same)
    return Results("digits", tracking_uri=module_tracker.target.uri)


def test_every_coder_is_a_curve_over_the_rates_it_reached(study: Results) -> None:
    panel = rate_panel(study.runs(), "val_psnr")
    assert panel.x_label == "rate of val (bits per pixel per component)"
    lines = {line.label: list(line.points) for line in panel.lines if line.points}
    assert lines == {
        "jpeg": [0.5, 1, 2, 4],
        "jpeg2000 by bpppc": pytest.approx([0.4, 0.8, 1.6, 3.2]),
        "jpeg2000 by quality": [1.5, 2],
        "ccsds121": [9],
    }
    (level,) = (line for line in panel.lines if not line.points)
    assert [run.params["modifier"] for run in level.reference] == ["none", "none"]


def test_means_with_their_spread_and_the_unmodified_level_are_drawn(study: Results) -> None:
    figure = draw("digits", [rate_panel(study.runs(), "val_psnr")], ["val_psnr"], "line")
    (axes,) = figure.axes
    jpeg = axes.containers[0]
    assert jpeg.has_yerr
    assert list(jpeg.lines[0].get_xdata()) == [0.5, 1, 2, 4]
    assert list(jpeg.lines[0].get_ydata()) == pytest.approx([24, 30, 36, 42])
    levels = [line for line in axes.lines if list(line.get_ydata()) == [60.5, 60.5]]
    assert len(levels) == 1


def test_other_parameters_make_a_curve_each(track: Track, results: Callable[[], Results]) -> None:
    for sampling in (420, 444):
        for setting in (30, 60):
            for rate in (0.1, 0.01):
                label = f"jpeg:quality={setting},subsampling={sampling}"
                track(label, {"train.bpppc": 1.0, "loss": rate}, learning_rate=rate)
    curves = codec_curves(results().runs(), "train.bpppc")
    assert [curve.label for curve in curves] == [
        "jpeg, subsampling=420, learning_rate=0.1",
        "jpeg, subsampling=420, learning_rate=0.01",
        "jpeg, subsampling=444, learning_rate=0.1",
        "jpeg, subsampling=444, learning_rate=0.01",
    ]
    assert all(list(curve.points) == [30, 60] for curve in curves)


def test_programs_are_told_apart_by_name_alone(
    track: Track, results: Callable[[], Results]
) -> None:
    for name in ("ccsds122", "ccsds123"):
        for setting in (1, 2):
            params = {"command.name": name, "command.encoder": f"run {name}"}
            track(f"command:setting={setting}", {"val.bpppc": float(setting)}, **params)
    curves = codec_curves(results().runs(), "val.bpppc")
    assert [curve.label for curve in curves] == ["command, name=ccsds122", "command, name=ccsds123"]


def test_the_rate_of_a_chain_is_set_by_its_last_parameter(
    track: Track, results: Callable[[], Results]
) -> None:
    for sigma in (1, 2):
        for setting in (30, 60):
            track(f"blur:sigma_px={sigma} jpeg:quality={setting}", {"val.bpppc": setting / 30})
    curves = codec_curves(results().runs(), "val.bpppc")
    assert [curve.label for curve in curves] == [
        "blur → jpeg, sigma_px=1",
        "blur → jpeg, sigma_px=2",
    ]


def test_lossless_modes_stand_beside_the_lossy_curve(
    track: Track, results: Callable[[], Results]
) -> None:
    for rate in (1, 2):
        track(f"jpeg2000:bpppc={rate}", quality(rate), **{"jpeg2000.reversible": False})
    track("jpeg2000", quality(8), **{"jpeg2000.reversible": True})
    curves = codec_curves(results().runs(), "val.bpppc")
    assert [curve.label for curve in curves] == ["jpeg2000 by bpppc", "jpeg2000 reversible"]


@pytest.mark.parametrize(
    ("metric", "rate"),
    [
        ("val_mse", "val.bpppc"),
        ("train_loss", "train.bpppc"),
        ("train.psnr", "train.bpppc"),
        ("accuracy", "val.bpppc"),
        ("training", "val.bpppc"),
        ("test_mse", "val.bpppc"),
    ],
)
def test_the_rate_is_that_of_the_dataset_a_metric_is_about(
    track: Track, results: Callable[[], Results], metric: str, rate: str
) -> None:
    track("jpeg:quality=3", {"train.bpppc": 2.0, "val.bpppc": 1.0})
    assert rate_metric(results().runs(), metric) == rate


def test_deltas_are_those_of_the_mean_curves(study: Results) -> None:
    frame = study.bjontegaard("val_psnr").set_index("codec")
    assert list(frame.index) == ["jpeg2000 by bpppc", "jpeg2000 by quality", "ccsds121"]
    assert set(frame["anchor"]) == {"jpeg"}
    assert set(frame["rate"]) == {"val.bpppc"}
    other = frame.loc["jpeg2000 by bpppc"]
    # All means lie on one line over the logarithm of the rate.
    assert other["bd_rate_percent"] == pytest.approx(0, abs=1e-8)
    assert other["bd_metric_pchip"] == pytest.approx(0, abs=1e-8)
    assert other["reason"] == ""
    short = frame.loc["jpeg2000 by quality"]
    assert math.isnan(short["bd_rate_percent"]) and math.isnan(short["bd_metric"])
    assert short["bd_rate_percent_pchip"] == pytest.approx(0, abs=1e-8)
    assert short["reason"].startswith("bd_rate_percent, bd_metric: 4 points are needed")
    assert frame.loc["ccsds121", "points"] == 0
    assert frame.loc["ccsds121", "reason"] == "a curve has no points"


def test_a_coder_of_the_same_quality_at_half_the_rate_has_a_bd_rate_of_minus_50_percent(
    track: Track, results: Callable[[], Results]
) -> None:
    for setting, rate in ((10, 0.5), (20, 1.0), (30, 2.0), (40, 4.0)):
        track(f"jpeg:quality={setting}", quality(rate))
        track(f"webp:quality={setting}", quality(rate / 2, gain=6))
    found = results().bjontegaard("val_psnr", anchor="jpeg").iloc[0]
    assert found["codec"] == "webp"
    assert found["bd_rate_percent"] == pytest.approx(-50, abs=1e-6)
    assert found["bd_rate_percent_pchip"] == pytest.approx(-50, abs=1e-6)
    assert found["bd_metric"] == pytest.approx(6, abs=1e-8)
    turned = results().bjontegaard("val_psnr", anchor="webp").iloc[0]
    assert turned["bd_rate_percent"] == pytest.approx(100, abs=1e-6)


def test_what_cannot_be_compared_is_said(
    study: Results, track: Track, results: Callable[[], Results], tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match="anchor 'jpeg2000' is ambiguous"):
        study.bjontegaard("val_psnr", anchor="jpeg2000")
    with pytest.raises(ConfigurationError, match="no codec 'jpg'.*jpeg"):
        study.bjontegaard("val_psnr", anchor="jpg")
    with pytest.raises(ConfigurationError, match="against the rate, not against sigma_px"):
        plot_results(study, "rate", x="sigma_px", metric="val_psnr", out=tmp_path / "a.png")
    track("blur:sigma_px=1", {"val_psnr": 20.0})
    with pytest.raises(ConfigurationError, match=r"no run has a rate \(bpppc\)"):
        results().plot("rate", out=tmp_path / "a.png", metric="val_psnr")
    assert not (tmp_path / "a.png").exists()


def test_metrics_about_different_rates_are_not_drawn_over_one(
    track: Track, results: Callable[[], Results], tmp_path: Path
) -> None:
    rates = {"train.bpppc": 2.0, "val.bpppc": 1.0}
    track("jpeg:quality=3", {**rates, "train_mse": 1.0, "val_mse": 2.0})
    with pytest.raises(ConfigurationError, match="different rates; plot one at a time"):
        results().plot("rate", out=tmp_path / "a.png", metric=["train_mse", "val_mse"])


def test_the_command_draws_and_prints_the_deltas(study: Results, tmp_path: Path) -> None:
    where = ["digits", "--tracking-uri", study.target.uri, "--metric", "val_psnr"]
    out = tmp_path / "rates.png"
    plot = [*where, "--plot", "rate", "--out", str(out)]
    done = CliRunner().invoke(results_command, plot, catch_exceptions=False)
    assert done.exit_code == 0
    assert cv2.imread(str(out)) is not None
    assert "Bjøntegaard deltas of val_psnr against jpeg:" in done.output
    assert "jpeg2000 by quality: bd_rate_percent, bd_metric: 4 points are needed" in done.output
    done = CliRunner().invoke(results_command, [*plot, "--json", "--anchor", "jpeg2000 by bpppc"])
    answer = json.loads(done.output)
    assert len(answer["runs"]) == len(study.runs())
    assert [row["codec"] for row in answer["bjontegaard"]] == [
        "jpeg",
        "jpeg2000 by quality",
        "ccsds121",
    ]
    assert answer["bjontegaard"][2]["bd_rate_percent"] is None
    done = CliRunner().invoke(results_command, [*where, "--anchor", "jpeg"])
    assert done.exit_code == 2
    assert "--anchor belongs to --plot rate" in done.output
