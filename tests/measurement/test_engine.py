"""Metrics applied to datasets: which values, from which pixels, with which words when not."""

from __future__ import annotations

import math
import os

import cv2
import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from iqf_core.errors import ConfigurationError, DatasetError, UnsupportedImageError
from iqf_core.measurement.batch import MeasurementError
from iqf_core.measurement.table import COLUMNS


def value(measured, output, image=None, band="all"):
    (row,) = [
        row
        for row in measured.rows
        if row.output == output and row.band == band and image in (None, row.image)
    ]
    return row.value


def write_tiff(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width, bands = pixels.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=height,
        width=width,
        count=bands,
        dtype=pixels.dtype,
        crs="EPSG:32631",
        transform=from_origin(500_000, 4_600_000, 1, 1),
        **options,
    ) as file:
        file.write(np.moveaxis(pixels, 2, 0))


def test_there_is_one_row_for_each_image_and_output(measure, pictures):
    measured = measure(pictures, "brightness")
    assert (
        *("dataset", "image", "band", "metric", "output"),
        *("value", "unit", "ci68_low", "ci68_high", "reason"),
    ) == COLUMNS
    assert [(row.image, row.band, row.output) for row in measured.rows] == [
        (f"p{index}.png", "all", output) for index in range(3) for output in ("mean", "share")
    ]
    first = measured.rows[0]
    assert (first.dataset, first.metric, first.unit) == ("pictures", "brightness", "DN")
    expected = cv2.imread(str(pictures / "p0.png")).mean()
    assert first.value == pytest.approx(expected, abs=1e-9)
    assert (first.ci68_low, first.ci68_high) == (first.value - 1, first.value + 1)


def test_single_bands_have_rows_of_their_own_when_asked_for(measure, pictures):
    measured = measure(pictures, "brightness", by_band=True)
    rows = [row for row in measured.rows if row.image == "p0.png" and row.output == "mean"]
    assert [row.band for row in rows] == ["all", "red", "green", "blue"]
    blue = cv2.imread(str(pictures / "p0.png"))[:, :, 0].mean()
    assert rows[3].value == pytest.approx(blue, abs=1e-9)


def test_bands_are_called_by_their_names_or_else_numbered_from_1(measure, tmp_path):
    write_tiff(tmp_path / "d" / "a.tif", np.full((9, 9, 2), 4, np.uint8))

    def bands():
        return [row.band for row in measure(tmp_path / "d", "brightness", by_band=True).rows][:3]

    assert bands() == ["all", "1", "2"]
    (tmp_path / "d" / "iqf.yaml").write_text("bands: [red edge, red edge]\n")
    assert bands() == ["all", "1", "2"]
    (tmp_path / "d" / "iqf.yaml").write_text("bands: [red edge, all]\n")
    assert bands() == ["all", "red edge", "2"]


def test_a_data_frame_has_the_same_rows(measure, pictures):
    measured = measure(pictures, "brightness")
    frame = measured.frame()
    assert tuple(frame.columns) == COLUMNS
    assert frame.query("output == 'mean'").value.tolist() == [
        row.value for row in measured.rows if row.output == "mean"
    ]


def test_the_summary_has_mean_median_and_spread(measure, pictures):
    measured = measure(pictures, "brightness")
    values = [row.value for row in measured.rows if row.output == "mean"]
    mean = measured.summary()[0]
    assert (mean.output, mean.count, mean.images) == ("mean", 3, 3)
    assert mean.mean == pytest.approx(np.mean(values))
    assert mean.median == pytest.approx(np.median(values))
    assert mean.std == pytest.approx(np.std(values, ddof=1))


def test_a_metric_asked_for_twice_is_computed_once(measure, pictures, tmp_path):
    calls = tmp_path / "calls"
    spec = f"brightness:calls={calls}"
    measured = measure(pictures, spec, spec, f"brightness:calls={calls},offset_dn=0")
    assert len(measured.rows) == 3 * 2
    assert calls.read_text().splitlines() == ["measured"] * 3


def test_one_metric_with_two_parameter_sets_has_two_labels(measure, pictures):
    measured = measure(pictures, "brightness:offset_dn=0|5")
    assert {row.metric for row in measured.rows} == {"brightness", "brightness:offset_dn=5"}
    plain, shifted = (row.value for row in measured.rows[:4:2])
    assert shifted - plain == pytest.approx(5)


def test_a_vector_has_a_row_for_each_element(measure, pictures):
    rows = measure(pictures, "features").rows
    assert [row.output for row in rows[:2]] == ["colour.first", "colour.last"]
    blue = cv2.imread(str(pictures / "p0.png"))[:, :, 0].mean()
    assert rows[1].value == pytest.approx(blue)


def test_the_dataset_s_properties_reach_the_metric(measure, pictures):
    (pictures / "iqf.yaml").write_text("snr: 42.5\n")
    assert value(measure(pictures, "stated"), "snr", "p0.png") == 42.5


def test_the_same_numbers_come_from_any_number_of_workers(measure, tmp_path):
    generator = np.random.default_rng(0)
    for index in range(30):
        pixels = generator.integers(0, 256, (64, 64, 3), np.uint8)
        path = tmp_path / "many" / f"{index:02}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), pixels)
    here = measure(tmp_path / "many", "process", workers=1)
    spread = measure(tmp_path / "many", "process", workers=2)
    pids = {row.value for row in spread.rows if row.output == "pid"}
    assert {row.value for row in here.rows if row.output == "pid"} == {os.getpid()}
    assert pids - {os.getpid()}, "no worker took part"

    def sums(measured):
        return [(row.image, row.value) for row in measured.rows if row.output == "sum"]

    assert sums(here) == sums(spread)


# What goes in


def test_invalid_pixels_do_not_count(measure, tmp_path):
    pixels = np.full((10, 10, 2), 100, np.uint16)
    pixels[:5] = 65535
    write_tiff(tmp_path / "a.tif", pixels, nodata=65535)
    assert value(measure(tmp_path / "a.tif", "brightness", peak=1000), "mean") == 100


def test_an_image_without_valid_pixels_has_no_value_but_a_reason(measure, tmp_path):
    write_tiff(tmp_path / "a.tif", np.full((10, 10, 1), 7, np.uint16), nodata=7)
    measured = measure(tmp_path / "a.tif", "brightness", peak=1000)
    assert {(row.value, row.reason) for row in measured.rows} == {(None, "no valid pixel")}
    mean = measured.summary()[0]
    assert (mean.count, mean.mean, dict(mean.reasons)) == (0, None, {"no valid pixel": 1})
    assert math.isnan(measured.frame().value[0])


def test_the_peak_is_never_guessed_from_the_data_type(measure, tmp_path):
    write_tiff(tmp_path / "a.tif", np.full((10, 10, 1), 4000, np.uint16))
    with pytest.raises(ConfigurationError, match=r"a\.tif: the value of full scale is unknown"):
        measure(tmp_path / "a.tif", "brightness")
    assert value(measure(tmp_path / "a.tif", "brightness", peak=4000), "share") == 1
    write_tiff(tmp_path / "b.tif", np.full((10, 10, 1), 2047, np.uint16), nbits=12)
    assert value(measure(tmp_path / "b.tif", "brightness"), "share") == 2047 / 4095


def test_a_data_type_that_a_metric_does_not_take_is_said_before_work_starts(measure, tmp_path):
    write_tiff(tmp_path / "d" / "a.tif", np.full((9, 9, 1), 4, np.uint8))
    write_tiff(tmp_path / "d" / "b.tif", np.full((9, 9, 1), 4, np.uint16), nbits=12)
    with pytest.raises(UnsupportedImageError, match=r"b\.tif: bytes8 takes uint8 images"):
        measure(tmp_path / "d", "bytes8")


# What goes wrong


def test_an_unreadable_image_is_named(measure, pictures):
    (pictures / "p1.png").write_bytes((pictures / "p1.png").read_bytes()[:200])
    (pictures / "p2.png").write_bytes(b"nothing")
    with pytest.raises(DatasetError, match=r"--on-error skip.*\n  p2\.png: "):
        measure(pictures, "brightness")


def test_an_unreadable_image_can_be_skipped_and_keeps_its_reason(measure, pictures):
    (pictures / "p1.png").write_bytes((pictures / "p1.png").read_bytes()[:200])
    measured = measure(pictures, "brightness", on_error="skip")
    assert list(measured.skipped) == ["p1.png"]
    rows = [row for row in measured.rows if row.image == "p1.png"]
    assert [row.value for row in rows] == [None, None]
    assert all(row.reason.startswith("cannot be read: ") for row in rows)
    assert measured.summary()[0].count == 2


def test_a_failing_metric_is_named_with_its_plugin_and_the_image(measure, pictures):
    with pytest.raises(
        MeasurementError,
        match=r"metric 'fails' of plugin 'metrics_of_tests\.py'.* failed on p0\.png: "
        "ZeroDivisionError: by nothing",
    ):
        measure(pictures, "fails", on_error="skip")


def test_a_metric_that_forgets_an_output_is_an_error(measure, pictures):
    with pytest.raises(MeasurementError, match="gave one for p0.png; it declares one, two"):
        measure(pictures, "forgets")


def test_nan_is_no_value(measure, pictures):
    with pytest.raises(MeasurementError, match="one is nan; expected a number"):
        measure(pictures, "not_a_number")


def test_every_mistake_in_the_metrics_is_said_at_once(measure, pictures):
    with pytest.raises(ConfigurationError) as caught:
        measure(pictures, "brightnes", "brightness:offset=1")
    assert "did you mean 'brightness'" in str(caught.value)
    assert "unknown parameter 'offset'; did you mean 'offset_dn'" in str(caught.value)


def test_a_metric_of_predictions_says_where_it_belongs(measure, pictures):
    with pytest.raises(ConfigurationError, match="reads the predictions of a run"):
        measure(pictures, "hits")
