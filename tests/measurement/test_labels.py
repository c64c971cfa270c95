"""Metrics judged against scores."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest

from iqf_core.datasets.dataset import open_dataset
from iqf_core.errors import ConfigurationError, DatasetError
from iqf_core.measurement.agreement import agreement
from iqf_core.measurement.labels import labels_of, read_labels


def found(values, scores, **options):
    return {each.name: each for each in agreement(values, scores, **options)}


def tied_data(count=60, seed=0):
    generator = np.random.default_rng(seed)
    scores = np.round(generator.normal(50, 10, count))
    return np.round(scores / 3 + generator.normal(0, 2, count)), scores


def kendall_tau_b(x, y):
    """Kendall's tau-b by its definition."""
    concordance = ties_x = ties_y = pairs = 0
    for (xa, ya), (xb, yb) in itertools.combinations(zip(x, y, strict=True), 2):
        pairs += 1
        concordance += np.sign(xa - xb) * np.sign(ya - yb)
        ties_x += xa == xb
        ties_y += ya == yb
    return concordance / math.sqrt((pairs - ties_x) * (pairs - ties_y))


def average_ranks(x):
    return np.array([(np.sum(x < each) + np.sum(x <= each) + 1) / 2 for each in x])


def test_coefficients_are_those_of_their_definitions_also_with_ties():
    x, y = tied_data()
    measured = found(x, y)
    assert measured["plcc"].value == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-12)
    ranks = np.corrcoef(average_ranks(x), average_ranks(y))[0, 1]
    assert measured["srcc"].value == pytest.approx(ranks, abs=1e-12)
    assert measured["krcc"].value == pytest.approx(kendall_tau_b(x, y), abs=1e-12)


def test_rmse_is_after_the_best_straight_line_unless_it_is_to_be_none():
    x, y = tied_data()
    slope, intercept = np.polyfit(x, y, 1)
    residual = np.sqrt(np.mean((slope * x + intercept - y) ** 2))
    assert found(x, y)["rmse"].value == pytest.approx(residual, rel=1e-9)
    plain = np.sqrt(np.mean((x - y) ** 2))
    assert found(x, y, mapping="none")["rmse"].value == pytest.approx(plain, rel=1e-12)


def test_intervals_are_those_of_resampled_data():
    """The weights of a sample give what the repeated data give."""
    x, y = tied_data(40)
    generator = np.random.Generator(np.random.SFC64(0))
    drawn = generator.multinomial(40, np.full(40, 1 / 40), size=200)
    samples = [np.repeat(np.arange(40), counts) for counts in drawn]
    taus = [kendall_tau_b(x[each], y[each]) for each in samples[:200]]
    krcc = found(x, y, samples=200)["krcc"]
    expected = np.percentile(taus, [2.5, 16, 84, 97.5])
    got = (krcc.ci95_low, krcc.ci68_low, krcc.ci68_high, krcc.ci95_high)
    assert got == pytest.approx(tuple(expected), abs=1e-12)


def test_the_interval_of_a_correlation_has_the_width_of_theory():
    # Fisher: the standard error of atanh(r) is 1 / sqrt(n - 3) for normal data.
    generator = np.random.default_rng(3)
    x = generator.normal(size=400)
    y = 0.6 * x + 0.8 * generator.normal(size=400)
    plcc = found(x, y)["plcc"]
    half = (math.atanh(plcc.ci68_high) - math.atanh(plcc.ci68_low)) / 2
    assert half == pytest.approx(1 / math.sqrt(397), rel=0.2)


def test_intervals_are_the_same_every_time():
    x, y = tied_data()
    assert agreement(x, y) == agreement(x, y)


@pytest.mark.parametrize(
    ("values", "scores", "reason"),
    [
        ([1, 2, 3, 4], [1, 2, 3, 4], "4 images have a value and a score; at least 5"),
        ([1] * 9, range(9), "all values are equal"),
        (range(9), [1] * 9, "all scores are equal"),
        ([math.inf, *range(8)], range(9), "infinite"),
    ],
)
def test_where_nothing_can_be_said_there_is_a_reason(values, scores, reason):
    for each in agreement(list(values), list(scores)):
        assert each.value is None
        assert reason in each.reason


@pytest.fixture
def graded(tmp_path, picture):
    """Twelve images that become brighter, and their scores in a table with two splits."""
    lines = ["image,score,split"]
    for index in range(12):
        picture(tmp_path / "graded" / f"{index:02}.png", 100 + 5 * index, noise=2)
        lines.append(f"{index:02}.png,{3 * index},{'train' if index < 6 else 'test'}")
    (tmp_path / "scores.csv").write_text("\n".join(lines))
    return tmp_path / "graded"


def test_the_command_prints_the_agreement(iqf, graded):
    picked = ("measure", graded, "--metric", "brightness", "--labels", "scores.csv")
    printed = iqf(*picked).stdout
    assert "brightness  mean    all    12      1 [1, 1]" in printed
    assert "RMSE after the best straight line" in printed
    document = json.loads(iqf(*picked, "--json", "--mapping", "none").stdout)
    splits = {(each["split"], each["count"]) for each in document["agreement"]}
    assert splits == {("all", 12), ("train", 6), ("test", 6)}
    first = document["agreement"][0]
    assert (first["name"], first["mapping"]) == ("srcc", "none")
    assert first["value"] == pytest.approx(1)


def test_only_labelled_images_need_a_partner(iqf, graded, tmp_path, picture):
    for index in range(6):
        picture(tmp_path / "originals" / f"{index:02}.png", 100, noise=2)
    lines = ["image,score", *(f"{index:02}.png,{index}" for index in range(6))]
    (tmp_path / "scores.csv").write_text("\n".join(lines))
    picked = ("--metric", "difference", "--labels", "scores.csv")
    printed = iqf("measure", graded, *picked, "--reference", "originals").stdout
    assert "6 images have no score and were not measured" in printed


def test_references_may_be_named_by_the_table(iqf, graded, tmp_path):
    lines = ["image,score,reference", *(f"{index:02}.png,{index},00.png" for index in range(1, 12))]
    (tmp_path / "scores.csv").write_text("\n".join(lines))
    done = iqf("measure", graded, "--metric", "difference", "--labels", "scores.csv", "--json")
    document = json.loads(done.stdout)
    assert len(document["rows"]) == 11
    # The more an image differs from the first, the lower its ratio and the higher its score.
    assert document["agreement"][0]["value"] == pytest.approx(-1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,mos\na.png,1\n", "no column score"),
        ("image,score\na.png,good\n", "scores.csv:2: the score of a.png is 'good', no number"),
        ("image,score\na.png,1\na.png,2\n", "scores.csv:3: a.png is scored twice"),
        ("image,score\n", "holds no score"),
    ],
)
def test_mistakes_in_the_table_are_said_with_their_line(tmp_path, text, message):
    (tmp_path / "scores.csv").write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        read_labels(tmp_path / "scores.csv")


def test_labelled_images_that_are_not_there_are_named(tmp_path, pictures):
    (tmp_path / "scores.csv").write_text("image,score\np0.jpg,1\nq7.png,2\n")
    with pytest.raises(DatasetError, match=r"q7\.png: no partner"):
        labels_of(open_dataset(pictures), read_labels(tmp_path / "scores.csv"), "scores.csv")
