"""The evaluation: its measures of known predictions, and the command on real files."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from iqf_qmrnet.checkpoint import load_model
from iqf_qmrnet.grid import parse_head
from iqf_qmrnet.scoring import HeadEvaluation
from torchvision import models

from iqf_core.cli.main import main


@pytest.fixture
def run(capsys):
    """Run the program; return its exit code, output and errors."""

    def run(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(each) for each in arguments])
        done = capsys.readouterr()
        return ended.value.code, done.out, done.err

    return run


@pytest.fixture
def photographs(tmp_path, make_texture):
    """A folder of four sharp pictures of 120 x 130 pixels."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    for seed in range(4):
        pixels = np.rint(make_texture(500 + seed, 130)[:120] * 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{seed}.png"), pixels)
    return folder


def known(shifts, images):
    """Return an evaluation of a head of 11 levels whose predictions are `shifts` bins off."""
    head = parse_head("blur:sigma_px=1..2/11")
    level = np.full(len(shifts), 5)
    probabilities = np.full((len(shifts), 11), 0.02)
    probabilities[np.arange(len(shifts)), level + shifts] = 0.8
    return HeadEvaluation(
        head=head,
        probabilities=probabilities,
        outside=np.zeros(len(shifts), bool),
        expected=np.asarray(head.levels)[level + shifts],
        half=np.full(len(shifts), 0.15),
        level=level,
        image=np.asarray(images),
        names=tuple("abc"[: max(images) + 1]),
        left_out={},
    )


def test_the_summary_by_hand():
    found = known(np.array([0, 0, 1, -3, 4]), [0, 0, 0, 1, 1]).summary()
    assert found["medr"] == 1
    assert found["expected_medr"] == pytest.approx(1)
    assert found["mae"] == pytest.approx(0.8 / 5)
    assert found["bias"] == pytest.approx(0.2 / 5)
    assert found["recall_0"] == found["exact_recall"] == found["precision"] == 0.4
    assert [found[f"recall_{k}"] for k in (1, 5, 10)] == [0.6, 1, 1]
    assert found["auc"] == pytest.approx((1 + 1 + 3 * 0.45) / 5)
    assert found["calibration_error"] == pytest.approx(abs(0.4 - 0.8))
    assert found["coverage"] == 0.6
    # Image a: median 0 of (0, 0, 1); image b: between -3 and 4, half a bin.
    assert found["image_medr"] == pytest.approx((0 + 0.5) / 2)
    assert found["image_recall_1"] == 1


def test_intervals_are_over_images_and_the_same_again():
    found = known(np.array([0, 0, 0, 4, 4, 4, 2, 2]), [0, 0, 0, 1, 1, 1, 2, 2])
    intervals = found.intervals(200)
    assert intervals == found.intervals(200)
    assert intervals["medr"] == (0, 4)
    value = found.summary()["mae"]
    assert intervals["mae"][0] < value < intervals["mae"][1]
    assert known(np.array([0, 1]), [0, 0]).intervals() == {}


def test_resampling_every_image_once_changes_nothing():
    found = known(np.array([0, 0, 1, -3, 4]), [0, 0, 0, 1, 1])
    assert found.summary(np.ones(5, int), np.ones(2, int)) == pytest.approx(found.summary())


def test_levels_and_images_have_rows():
    found = known(np.array([0, 0, 1, -3, 4]), [0, 0, 0, 1, 1])
    (level,) = found.by_level()
    assert (level["level"], level["crops"], level["medr"]) == (1.5, 5, 1)
    first, second = found.by_image()
    assert (first["image"], first["medr"], second["medr"]) == ("a", 0, 3.5)
    assert found.confusion()[5].tolist() == [0, 0, 1, 0, 0, 2, 1, 0, 0, 1, 0]


def test_the_command_prints_writes_and_draws(run, blur_model, photographs, tmp_path):
    table, figure = tmp_path / "levels.csv", tmp_path / "evaluation.png"
    code, out, err = run(
        "qmrnet",
        "evaluate",
        blur_model,
        photographs,
        "--crops",
        3,
        "--csv",
        table,
        "--figure",
        figure,
    )
    assert code == 0, err
    assert "192 crops of 4 images" in out  # 4 images x 3 crops x 16 levels
    assert "medr" in out and "image_recall_5" in out
    rows = list(csv.DictReader(table.open()))
    assert [sum(row["part"] == part for row in rows) for part in ("level", "image")] == [16, 4]
    assert cv2.imread(str(figure)).shape[1] > 1000


def test_a_trained_network_is_found_good(run, blur_model, photographs):
    code, out, err = run("qmrnet", "evaluate", blur_model, photographs, "--json", "--crops", 3)
    assert code == 0, err
    document = json.loads(out)
    assert document["schema"] == "iqf.qmrnet_evaluation/1"
    found = document["heads"][0]["measures"]
    assert found["medr"]["value"] <= 2
    assert found["mae"]["value"] < 0.25
    assert found["recall_5"]["value"] > 0.9
    assert found["mae"]["ci95"][0] <= found["mae"]["value"] <= found["mae"]["ci95"][1]
    again = json.loads(
        run("qmrnet", "evaluate", blur_model, photographs, "--json", "--crops", 3)[1]
    )
    assert again == document


def one_line(err):
    return len([line for line in err.strip().splitlines() if line]) == 1


def test_bad_input_gets_one_line(run, blur_model, photographs, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    small = tmp_path / "small"
    small.mkdir()
    cv2.imwrite(str(small / "a.png"), np.zeros((30, 200), np.uint8))
    truncated = tmp_path / "truncated"
    truncated.mkdir()
    whole = (photographs / "0.png").read_bytes()
    (truncated / "a.png").write_bytes(whole[: len(whole) // 2])
    for folder, message in (
        (empty, "no image file"),
        (small, "fewer than the crop"),
        (truncated, "a.png"),
        (tmp_path / "nowhere", "nowhere"),
    ):
        code, _, err = run("qmrnet", "evaluate", blur_model, folder)
        assert code == 2, (folder, err)
        assert message in err and one_line(err), err
    code, _, err = run("qmrnet", "evaluate", tmp_path / "nowhere", photographs)
    assert code == 2 and "no model there" in err and one_line(err)


def test_images_of_the_training_are_refused(run, blur_model, photographs, tmp_path, iqf_registry):
    from iqf_qmrnet.checkpoint import save_model

    from iqf_core.api import open_dataset

    dataset = open_dataset(photographs, registry=iqf_registry)
    seen = {"name": "0.png", "hash": dataset.image_hash("0.png"), "shape": [1], "dtype": "uint8"}
    save_model(replace(load_model(blur_model), manifest={"training": [seen]}), tmp_path / "seen")
    code, _, err = run("qmrnet", "evaluate", tmp_path / "seen", photographs)
    assert code == 2 and "was trained on 0.png" in err and one_line(err)


@pytest.fixture
def published(tmp_path):
    """A published checkpoint: a pickled resnet18 of 9 classes, and its path."""
    torch.manual_seed(0)
    network = models.resnet18(weights=None)
    network.fc = torch.nn.Linear(512, 9)
    torch.save(network.eval(), tmp_path / "checkpoint_epoch11.pth")
    return network, tmp_path / "checkpoint_epoch11.pth"


def test_a_published_checkpoint_is_imported_and_reads_as_it_did(
    run, published, photographs, tmp_path, iqf_registry, iqf_context
):
    network, path = published
    out = tmp_path / "imported"
    spec = "blur:sigma_px=1..2.5/9"
    code, text, err = run("qmrnet", "import", path, "--parameter", spec, "--crop", 64, "--out", out)
    assert code == 0, err
    assert "resnet18, blur_sigma_px in 9 levels" in text
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        logits = load_model(out).network(images)["blur_sigma_px"]
        torch.testing.assert_close(logits, network(images))
    code, text, err = run("measure", photographs, "--metric", f"qmrnet:model={out}", "--json")
    assert code == 0, err
    loss = iqf_registry.create(
        "loss", "qmrnet", {"model": str(out), "distance": "bce"}, iqf_context
    ).build(iqf_context)
    image = images.clone().requires_grad_()
    loss(image, torch.rand(2, 3, 64, 64)).backward()
    assert float(image.grad.abs().max()) > 0
    # What it compares are sigmoids, both of them.
    with torch.no_grad():
        here, there = network(images).sigmoid(), network(images.flip(3)).sigmoid()
        expected = torch.nn.functional.binary_cross_entropy(here, there)
        torch.testing.assert_close(loss(images, images.flip(3)), expected)


def test_a_grid_that_does_not_fit_is_refused(run, published, tmp_path):
    code, _, err = run(
        "qmrnet", "import", published[1], "--parameter", "sigma", "--out", tmp_path / "x"
    )
    assert code == 2
    assert "has 9 classes, sigma has 50 levels" in err and one_line(err)
    assert not (tmp_path / "x").exists()
