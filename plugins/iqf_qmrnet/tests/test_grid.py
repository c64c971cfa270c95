"""Heads: parsing, labels, soft labels, readings."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from iqf_qmrnet.decoding import hard_labels, read, soft_labels
from iqf_qmrnet.grid import Head, parse_head, parse_heads
from iqf_qmrnet.presets import PRESETS

from iqf_core.api import ConfigurationError


def test_a_range_becomes_levels_with_an_end_on_either_side():
    head = parse_head("blur:sigma_px=1.0..2.5/50")
    assert (head.name, head.modifier, head.parameter) == ("blur_sigma_px", "blur", "sigma_px")
    assert (head.bins, head.classes) == (50, 52)
    assert head.step == pytest.approx(1.5 / 49)
    assert head.label(np.array([0.0, 1.0, 2.5, 9.0])).tolist() == [0, 1, 50, 51]


@pytest.mark.parametrize("name", PRESETS)
def test_presets_have_the_ranges_of_the_paper(name):
    head = parse_head(name)
    expected = {
        "sigma": (1, 2.5, 50),
        "sharpness": (1, 10, 9),
        "rer": (0.15, 0.55, 40),
        "snr": (15, 55, 40),
        "scale": (1, 2, 10),
        "jpeg": (10, 95, 18),
    }[name]
    assert (head.low, head.high, head.bins) == expected
    assert head.name == name


@given(low=st.floats(-50, 50), span=st.floats(0.1, 50), bins=st.integers(2, 60), ends=st.booleans())
def test_every_level_is_labelled_as_itself(low, span, bins, ends):
    levels = tuple(np.linspace(low, low + span, bins).tolist())
    head = Head("h", "m", "p", levels, ends=ends)
    labels = head.label(np.asarray(levels))
    assert labels.tolist() == list(range(int(ends), bins + int(ends)))
    np.testing.assert_allclose(head.value(labels), levels)
    np.testing.assert_allclose(head.position(np.asarray(levels)), np.arange(bins), atol=1e-6)
    assert Head.from_json(head.to_json()) == head


def test_the_specification_reads_back_as_the_head():
    for text in ("jpeg:subsampling=420,quality=10..90/9", "snr:target=15|20|40"):
        head = parse_head(text)
        again = parse_head(head.specification)
        assert (again.levels, again.fixed) == (head.levels, dict(head.fixed))


def test_soft_labels_are_the_gaussian_between_the_borders():
    head = parse_head("blur:sigma_px=1.0..2.5/16")
    values = torch.tensor([-torch.inf, 1.0, 1.75, 2.5, torch.inf])
    soft = soft_labels(head, values, 1.0)
    torch.testing.assert_close(soft.sum(1), torch.ones(5))
    assert soft.argmax(1).tolist()[0] == 0
    assert soft.argmax(1).tolist()[-1] == head.classes - 1
    # Within half a bin of a Gaussian of one bin: erf(0.5 / sqrt 2).
    assert float(soft[1, 1]) == pytest.approx(0.38292, abs=1e-4)
    assert hard_labels(head, values).tolist() == head.label(values.numpy()).tolist()


def test_a_reading_of_soft_labels_returns_the_value():
    head = parse_head("blur:sigma_px=1.0..2.5/50")
    values = torch.tensor([1.3, 1.7, 2.2])
    reading = read(head, soft_labels(head, values).add(1e-9).log())
    torch.testing.assert_close(reading.expected, values, atol=2e-3, rtol=0)
    # One bin, and the width of a class.
    assert reading.spread.numpy() == pytest.approx(head.step * np.sqrt(1 + 1 / 12), rel=0.02)
    below = read(head, soft_labels(head, torch.tensor([-torch.inf])).add(1e-9).log())
    assert float(below.below) > 0.99


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "no parameter given"),
        (["blur"], "expected a preset"),
        (["blur:sigma_px=1"], "0 parameters have a range"),
        (["gsd:factor=1..2/3,interpolation=area|nearest"], "2 parameters have a range"),
        (["blur:sigma_px=2.5..1/5"], "must increase"),
        (["gsd:interpolation=area|nearest"], "not all numbers"),
        (["sigma", "sigma"], "both called 'sigma'"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(texts, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        parse_heads(texts)
    assert "\n" not in str(caught.value)
