from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from iqf_core.errors import ConfigurationError
from iqf_core.experiments.results.plot_panels import axis_label, make_panels
from iqf_core.experiments.results.plots import draw, plot_results
from iqf_core.experiments.results.results import Results
from iqf_core.experiments.tracking.tracker import Tracker

Track = Callable[..., str]
NOISE = {"gaussian_noise.sigma_dn": 0}


@pytest.fixture
def results(tracker: Tracker) -> Callable[[], Results]:
    return lambda: Results("digits", tracking_uri=tracker.target.uri)


@pytest.fixture(scope="module")
def study(module_track: Track, module_tracker: Tracker) -> Results:
    track = module_track
    for repetition in range(2):
        track("none", {"val_mse": 1.0 + repetition}, repetition=repetition)
        for sigma in (100, 20, 3):  # as words, 100 would come before 20 and 3
            noise = f"gaussian_noise:sigma_dn={sigma}"
            track(noise, {"val_mse": float(sigma)}, repetition=repetition, identity=NOISE)
        for quality in (10, 5):
            track(f"jpeg:quality={quality}", {"val_mse": 50.0 / quality}, repetition=repetition)
    return Results("digits", tracking_uri=module_tracker.target.uri)


def test_each_modifier_has_a_panel_in_numeric_order(study: Results) -> None:
    noise, jpeg = make_panels(study.runs())
    assert (noise.title, noise.x_label) == ("gaussian_noise", "sigma (DN)")
    assert noise.values == [0, 3, 20, 100]
    assert [len(runs) for runs in noise.lines[0].points.values()] == [2, 2, 2, 2]
    assert (jpeg.title, jpeg.x_label, jpeg.values) == ("jpeg", "quality", [5, 10])


def test_the_reference_is_a_point_at_the_identity_or_a_level(study: Results) -> None:
    noise, jpeg = make_panels(study.runs())
    assert [run.params["modifier"] for run in noise.lines[0].points[0]] == ["none", "none"]
    assert noise.lines[0].reference == []
    assert [run.params["modifier"] for run in jpeg.lines[0].reference] == ["none", "none"]


def test_a_line_shows_means_with_error_bars_and_every_run(study: Results) -> None:
    figure = draw("digits", make_panels(study.runs()), ["val_mse"], "line")
    noise, jpeg = figure.axes
    (bars,) = noise.containers
    assert bars.has_yerr
    means = bars.lines[0]
    assert list(means.get_xdata()) == [0, 3, 20, 100]
    assert list(means.get_ydata()) == [1.5, 3, 20, 100]
    low, high = bars.lines[2][0].get_segments()[0][:, 1]
    assert (high - low) / 2 == pytest.approx(0.5**0.5)
    assert len(noise.collections[0].get_offsets()) == 8
    dashed = [line for line in jpeg.lines if line.get_label() == "unmodified"]
    assert list(dashed[0].get_ydata()) == [1.5, 1.5]
    assert noise.get_ylabel() == "val_mse"
    assert noise.get_ylim() == jpeg.get_ylim()


def test_bars_stand_in_numeric_order(study: Results) -> None:
    noise, jpeg = draw("digits", make_panels(study.runs()), ["val_mse"], "bar").axes
    heights = [bar.get_height() for container in noise.containers for bar in _patches(container)]
    assert heights == [1.5, 3, 20, 100]
    assert [label.get_text() for label in noise.get_xticklabels()] == ["0", "3", "20", "100"]
    assert [label.get_text() for label in jpeg.get_xticklabels()] == ["5", "10"]


def _patches(container: object) -> list:  # type: ignore[type-arg]
    return list(getattr(container, "patches", []))


def test_a_scatter_shows_the_runs_alone(study: Results) -> None:
    (ax,) = draw("digits", make_panels(study.runs(), "jpeg.quality"), ["val_mse"], "scatter").axes
    assert ax.containers == []
    points = {tuple(point) for point in ax.collections[0].get_offsets()}
    assert points == {(5, 10), (10, 5)}


def test_other_parameters_make_a_line_each(track: Track, results: Callable[[], Results]) -> None:
    for rate in (0.1, 0.01):
        track("none", {"mse": rate}, learning_rate=rate)
        for sigma in (8, 16):
            track(
                f"gaussian_noise:sigma_dn={sigma}", {"mse": 1}, learning_rate=rate, identity=NOISE
            )
    (panel,) = make_panels(results().runs())
    assert [line.label for line in panel.lines] == ["learning_rate=0.1", "learning_rate=0.01"]
    assert [list(line.points) for line in panel.lines] == [[0, 8, 16], [0, 8, 16]]
    (by_rate,) = make_panels(results().runs(), "learning_rate")
    assert by_rate.values == [0.01, 0.1]
    assert [line.label for line in by_rate.lines][:2] == ["none", "gaussian_noise:sigma_dn=8"]


def test_a_chain_is_drawn_against_its_first_parameter(
    track: Track, results: Callable[[], Results]
) -> None:
    track("none", {"mse": 0.5})
    for sigma in (1, 2):
        for quality in (20, 60):
            identity = {"blur.sigma_px": 0}
            track(f"blur:sigma_px={sigma} jpeg:quality={quality}", {"mse": 1}, identity=identity)
    (panel,) = make_panels(results().runs())
    assert (panel.title, panel.x_label) == ("blur → jpeg", "sigma (px)")
    named = {line.label: list(line.points) for line in panel.lines if line.points}
    assert named == {"quality=20": [1, 2], "quality=60": [1, 2]}  # no reference at blur 0: no JPEG
    assert sum(len(line.reference) for line in panel.lines) == 1


def test_modifiers_of_one_point_stand_side_by_side(
    track: Track, results: Callable[[], Results]
) -> None:
    for modifier in ("none", "jpeg:quality=30", "blur:sigma_px=1"):
        track(modifier, {"mse": 1.0})
    (panel,) = make_panels(results().runs())
    assert not panel.numeric
    assert panel.values == ["unmodified", "jpeg:quality=30", "blur:sigma_px=1"]


def test_an_axis_over_decades_is_logarithmic_with_a_place_for_zero(
    track: Track, results: Callable[[], Results]
) -> None:
    track("none", {"mse": 1.0})
    for sigma in (1, 10, 1000):
        track(f"gaussian_noise:sigma_dn={sigma}", {"mse": 1.0}, identity=NOISE)
    (ax,) = draw("d", make_panels(results().runs()), ["mse"], "line").axes
    assert ax.get_xscale() == "symlog"
    assert list(ax.get_xticks()) == [0, 1, 10, 1000]


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_same_results_give_the_same_file(study: Results, tmp_path: Path, suffix: str) -> None:
    first, second = tmp_path / f"a{suffix}", tmp_path / "new folder" / f"b{suffix}"
    assert plot_results(study, "line", out=first) == first
    study.plot("line", out=second)
    assert first.read_bytes() == second.read_bytes()
    assert sorted(path.name for path in first.parent.glob(f"*{suffix}")) == [first.name]
    if suffix == ".png":
        image = cv2.imread(str(first))
        assert image is not None
        assert min(image.shape[:2]) > 500


def test_what_cannot_be_drawn_is_said(study: Results, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'scatter'"):
        plot_results(study, "scater", out=tmp_path / "a.png")
    with pytest.raises(ConfigurationError, match=r"expected a name ending in \.png"):
        plot_results(study, out=tmp_path / "a.jpg")
    with pytest.raises(ConfigurationError, match="did you mean 'val_mse'"):
        plot_results(study, metric="val_mes", out=tmp_path / "a.png")
    assert list(tmp_path.glob("a.*")) == []


def test_a_study_without_finished_runs_is_said(
    track: Track, results: Callable[[], Results], tmp_path: Path
) -> None:
    track("none", {"mse": 1.0}, state="FAILED")
    with pytest.raises(ConfigurationError, match="no finished runs"):
        plot_results(results(), out=tmp_path / "a.png")


def test_drawing_leaves_no_global_state(study: Results, tmp_path: Path) -> None:
    code = (
        "import sys; from iqf_core.experiments.results.results import Results\n"
        f"Results('digits', tracking_uri={study.target.uri!r}).plot(out=sys.argv[1])\n"
        "import matplotlib\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert matplotlib.rcParams['font.size'] == matplotlib.rcParamsDefault['font.size']"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.png")], check=True)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("gaussian_noise.sigma_dn", "sigma (DN)"),
        ("blur_2.sigma_px", "sigma (px)"),
        ("gsd.gsd_m", "gsd (m)"),
        ("jpeg.quality", "quality"),
        ("learning_rate", "learning_rate"),
        ("iqf.duration_s", "duration (s)"),
        ("val.bpppc", "val.bpppc (bits per pixel per band)"),
    ],
)
def test_axes_carry_units(name: str, label: str) -> None:
    assert axis_label(name) == label
