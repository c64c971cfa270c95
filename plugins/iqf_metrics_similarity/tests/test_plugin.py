"""What the distribution declares."""

from __future__ import annotations


def test_brings_its_metrics(iqf_registry):
    names = {
        entry.name
        for entry in iqf_registry.entries("metric")
        if entry.distribution == "iqf-metrics-similarity"
    }
    expected = {"psnr", "rmse", "mae", "ssim", "ms_ssim", "sam", "ergas", "gmsd", "vif", "fsim"}
    assert names == expected


def test_vifp_is_another_name_of_vif(iqf_registry):
    assert iqf_registry.entry("metric", "vifp").name == "vif"


def test_all_compare_pairs_of_all_data_types(iqf_registry, iqf_context):
    for name in ("psnr", "ssim", "sam", "vif"):
        metric = iqf_registry.create("metric", name, {}, iqf_context)
        assert metric.reads == "pair"
        for dtype in ("uint8", "uint16", "float32"):
            assert metric.supports(dtype, 3) is None


def test_luma_is_for_colour_pictures(iqf_registry, iqf_context):
    metric = iqf_registry.create("metric", "ssim", {"colour": "luma"}, iqf_context)
    assert metric.supports("uint8", 3) is None
    assert "use colour=bands" in metric.supports("uint8", 4)
