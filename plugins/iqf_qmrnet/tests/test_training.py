"""Training: it learns, resumes, and says what is wrong; tiny networks, seconds."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from iqf_qmrnet.checkpoint import fit_state, load_model, read_document
from iqf_qmrnet.config import NetworkConfig, from_mapping, resolve
from iqf_qmrnet.grid import parse_heads
from iqf_qmrnet.networks import build_network
from iqf_qmrnet.program import main as program
from iqf_qmrnet.program import train_folders
from iqf_qmrnet.training import STATE, Run

from iqf_core.api import ConfigurationError, DatasetError, Image, IQFError, write_image
from iqf_core.cli.main import cli

TINY = {
    "crop": 48,
    "options": {"window": 16, "hidden": 64, "features": 32},
    "validation_crops": 2,
    "crops": 256,
    "batch": 32,
}


@pytest.fixture(scope="module")
def photographs(tmp_path_factory, make_texture):
    folder = tmp_path_factory.mktemp("photographs")
    for seed in range(3):
        plane = (make_texture(seed, 96) * 255).round().astype("uint8")
        write_image(folder / f"{seed}.png", Image(plane[:, :, None], 255.0))
    return folder


def configured(**changes):
    return from_mapping({"parameters": ["blur:sigma_px=0.5..3.5/7"], **TINY, **changes})


def trained(photographs, folder, registry, **changes):
    run = Run(folder, quiet=True)
    return train_folders(configured(**changes), photographs, None, registry, run)


def test_validation_images_with_nothing_to_read_are_said_before_training(
    photographs, tmp_path, iqf_registry
):
    (tmp_path / "full").mkdir()
    write_image(tmp_path / "full" / "0.png", Image(np.full((96, 96, 1), 255, np.uint8), 255.0))
    run = Run(tmp_path / "model", quiet=True)
    with pytest.raises(IQFError, match="no validation crop: every image is saturated"):
        train_folders(configured(), photographs, tmp_path / "full", iqf_registry, run)
    assert not run.out.exists()


def test_a_tiny_network_learns_in_seconds(photographs, tmp_path, iqf_registry):
    before = trained(photographs, tmp_path / "before", iqf_registry, crops=32)
    after = trained(photographs, tmp_path / "after", iqf_registry, crops=3200)
    name = "blur_sigma_px"
    assert after.metrics[name]["mae"] < 0.6 * before.metrics[name]["mae"]
    assert after.metrics[name]["recall_1"] > 0.6
    document = read_document(tmp_path / "after")
    assert [each["name"] for each in document["manifest"]["validation"]]
    assert 0.2 < document["calibration"][name]["temperature"] < 8.1
    assert (tmp_path / "after" / "config.yaml").read_text().startswith("backbone: spectral")
    assert not (tmp_path / "after" / STATE).exists()
    again = load_model(tmp_path / "after")
    images = torch.rand(2, 3, 48, 48)
    with torch.no_grad():
        torch.testing.assert_close(again.network(images)[name], after.network(images)[name])


def test_an_interrupted_training_ends_as_one_without(
    photographs, tmp_path, iqf_registry, monkeypatch
):
    whole = trained(photographs, tmp_path / "whole", iqf_registry)
    from iqf_qmrnet import training

    monkeypatch.setattr(training, "_SAVE_EVERY_S", 0.0)
    saved = training._Loop.save

    def stop(loop, path, identity):
        saved(loop, path, identity)
        if loop.step == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(training._Loop, "save", stop)
    with pytest.raises(KeyboardInterrupt):
        trained(photographs, tmp_path / "cut", iqf_registry)
    monkeypatch.undo()
    run = Run(tmp_path / "cut", quiet=True, resume=True)
    resumed = train_folders(configured(), photographs, None, iqf_registry, run)
    for key, value in whole.network.state_dict().items():
        torch.testing.assert_close(resumed.network.state_dict()[key], value)


def test_a_state_elsewhere_is_found_by_the_same_training(
    photographs, tmp_path, iqf_registry, monkeypatch
):
    from iqf_qmrnet import training

    monkeypatch.setattr(training, "_SAVE_EVERY_S", 0.0)
    states = tmp_path / "states"
    saved = training._Loop.save
    steps = []

    def stop(loop, path, identity):
        saved(loop, path, identity)
        steps.append(loop.step)
        if len(steps) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(training._Loop, "save", stop)
    for name in ("first", "second"):
        run = Run(tmp_path / name, quiet=True, states=states)
        try:
            train_folders(configured(), photographs, None, iqf_registry, run)
        except KeyboardInterrupt:
            assert len(list(states.glob("*.pt"))) == 1
    assert steps == [1, 2, 3, 4, 5, 6, 7, 8]
    assert list(states.iterdir()) == []


def test_a_study_trains_over_a_grid(photographs, tmp_path):
    study = {
        "study": "crops",
        "datasets": {"train": str(photographs)},
        "task": {"qmrnet": {}},
        "params": {
            "parameters": {"value": ["blur:sigma_px=1..3/5"]},
            **{key: {"value": value} for key, value in TINY.items() if key != "options"},
            "crops": 32,
            "crop": [32, 48],
        },
    }
    (tmp_path / "study.yaml").write_text(json.dumps(study))
    call = [sys.executable, "-m", "iqf_core.cli", "run", "study.yaml", "--json"]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    runs = json.loads(done.stdout)
    assert {str(run["params"]["crop"]) for run in runs} == {"32", "48"}
    assert all("blur_sigma_px.medr" in run["metrics"] for run in runs)


def test_another_configuration_cannot_be_resumed(photographs, tmp_path, iqf_registry, monkeypatch):
    from iqf_qmrnet import training

    monkeypatch.setattr(training, "_SAVE_EVERY_S", 0.0)
    trained(photographs, tmp_path, iqf_registry, crops=32)
    run = Run(tmp_path, quiet=True, resume=True)
    with pytest.raises(IQFError, match="nothing to resume"):
        train_folders(configured(), photographs, None, iqf_registry, run)
    (tmp_path / STATE).write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(IQFError, match="truncated or no state"):
        train_folders(configured(), photographs, None, iqf_registry, run)
    identity = {"config": {"lr": 1.0}, "manifest": {}}
    torch.save({"identity": identity}, tmp_path / STATE)
    with pytest.raises(IQFError, match="had another"):
        train_folders(configured(), photographs, None, iqf_registry, run)


@pytest.mark.parametrize(
    "changes",
    [
        {"parameters": ["blur:sigma_px=1..3/5", "jpeg:quality=10..90/5"]},
        {"loss": "bce"},
        {"backbone": "small_cnn", "options": {"width": 8, "stages": 2, "features": 16}},
        {"backbone": "resnet18", "options": {}},
    ],
    ids=["two heads", "loss of the paper", "small_cnn", "resnet18"],
)
def test_heads_losses_and_backbones_train(changes, photographs, tmp_path, iqf_registry):
    model = trained(photographs, tmp_path, iqf_registry, crops=32, **changes)
    assert len(model.metrics) == len(configured(**changes).parameters)
    assert load_model(tmp_path).heads == model.heads


def test_a_sample_counts_for_its_own_head_only():
    from iqf_qmrnet.objective import objective

    heads = parse_heads(["sigma", "jpeg"])
    logits = {head.name: torch.zeros(4, head.classes, requires_grad=True) for head in heads}
    which = torch.tensor([0, 0, 1, 1])
    objective(logits, torch.tensor([1.0, 2.0, 50, 60]), which, heads, configured()).backward()
    assert logits["sigma"].grad[2:].abs().sum() == 0
    assert logits["jpeg"].grad[:2].abs().sum() == 0
    assert (logits["jpeg"].grad[2:].abs().sum(1) > 0).all()


@pytest.mark.parametrize("backbone", ["spectral", "small_cnn", "resnet18"])
def test_any_band_count_is_taken(backbone):
    torch.manual_seed(0)
    network = build_network(NetworkConfig(backbone=backbone), parse_heads(["sigma"])).eval()
    grey = torch.rand(2, 1, 64, 64)
    with torch.no_grad():
        one = network(grey)["sigma"]
        five = network(grey.expand(-1, 5, -1, -1))["sigma"]
    assert one.shape == (2, 52)
    torch.testing.assert_close(one, five, atol=1e-4, rtol=1e-4)


def test_the_program_follows_the_script_convention(photographs, tmp_path, monkeypatch):
    monkeypatch.setenv("IQF_SEED", "5")
    options = [f"--{key}={json.dumps(value)}" for key, value in {**TINY, "crops": 32}.items()]
    arguments = ["--outputpath", str(tmp_path), "--trainds", str(photographs), *options]
    assert program([*arguments, "--parameters", "sigma"]) == 0
    results = json.loads((tmp_path / "results.json").read_text())
    assert 0 <= results["sigma.recall_5"] <= 1
    assert load_model(tmp_path / "model").config["seed"] == 5
    assert program([*arguments, "--parameters", "nothing"]) == 2


def test_the_command_trains_and_describes(photographs, tmp_path):
    (tmp_path / "c.yaml").write_text(json.dumps({**TINY, "crops": 64, "lr": 0.5}))
    model = tmp_path / "model"
    call = ["qmrnet", "train", str(photographs), "--parameter", "sigma", "--out", str(model)]
    done = CliRunner().invoke(cli, [*call, "--config", str(tmp_path / "c.yaml"), "--lr", "0.001"])
    assert done.exit_code == 0, done.output
    assert load_model(model).config["lr"] == 0.001
    said = CliRunner().invoke(cli, ["qmrnet", "info", str(model)]).output
    assert "blur:sigma_px=1..2.5/50 px" in said
    assert "crops of 48 px" in said


def failing(arguments):
    result = CliRunner().invoke(cli, ["qmrnet", *map(str, arguments)])
    assert isinstance(result.exception, IQFError), result.output
    assert "\n" not in str(result.exception)
    return str(result.exception)


def test_bad_input_is_one_line(photographs, tmp_path, iqf_registry):
    (tmp_path / "empty").mkdir()
    train = ["train", photographs, "--out", tmp_path / "out", "--parameter"]
    assert "no image" in failing(
        ["train", tmp_path / "empty", "--out", "x", "--parameter", "sigma"]
    )
    assert "fewer than the crop of 128" in failing([*train, "sigma"])
    assert "no modifier named 'fog'" in failing([*train, "fog:depth=1..2/5", "--crop", 48])
    assert "is -1" in failing([*train, "blur:sigma_px=-1..2/5", "--crop", 48])
    assert "no backbone named" in failing([*train, "sigma", "--crop", 48, "--backbone", "resnet1"])
    assert "no model there" in failing(["info", tmp_path / "empty"])
    (tmp_path / "empty" / "model.safetensors").write_bytes(b"\x10")
    assert "truncated" in failing(["info", tmp_path / "empty"])
    with pytest.raises(ConfigurationError, match="unknown key 'crops_'"):
        from_mapping({"crops_": 3}, "c.yaml")
    with pytest.raises(IQFError):
        resolve(tmp_path / "missing.yaml", {})
    with pytest.raises(DatasetError):
        trained(photographs, tmp_path, iqf_registry, crop=200)


def test_weights_of_another_configuration_do_not_fit():
    heads = parse_heads(["sigma"])
    one = build_network(NetworkConfig(), heads)
    other = build_network(NetworkConfig(options={"hidden": 16}), heads)
    with pytest.raises(IQFError, match="another configuration"):
        fit_state(one, other.state_dict(), "m")


def test_weights_for_the_backbone_come_from_a_file(tmp_path):
    from torchvision.models import resnet18

    torch.manual_seed(1)
    source = resnet18(weights=None)
    torch.save(source.state_dict(), tmp_path / "r.pth")
    heads = parse_heads(["sigma"])
    network = build_network(NetworkConfig(backbone="resnet18"), heads, tmp_path / "r.pth")
    assert torch.equal(network.backbone.network.conv1.weight, source.conv1.weight)
    with pytest.raises(IQFError, match="no such file"):
        build_network(NetworkConfig(backbone="resnet18"), heads, tmp_path / "missing.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "r.pth").read_bytes()[:1000])
    with pytest.raises(IQFError, match="truncated"):
        build_network(NetworkConfig(backbone="resnet18"), heads, tmp_path / "cut.pth")
