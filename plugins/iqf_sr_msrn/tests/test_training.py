"""Training: learns, resumes exactly, stops at NaN, and says what is wrong with its input."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import Result
from iqf_sr_msrn.model_file import load_model, read_configuration
from iqf_sr_msrn.training.configuration import make_configuration
from iqf_sr_msrn.training.setup import prepare, resolved

from iqf_core.api import ExecutionError, IQFError, PluginManager, read_image, write_image

Run = Callable[..., Any]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return [
            {name: value for name, value in row.items() if name != "cpu_s"}
            for row in csv.DictReader(file)
        ]


def tensors(path: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(path / "model.safetensors")


def test_it_learns_more_than_bicubic_in_seconds(
    photographs: Path, tmp_path: Path, run: Run
) -> None:
    outcome = run(photographs, tmp_path / "m", steps=120, validate_every=120, learning_rate=3e-3)
    (_, _, begun), (_, _, ended) = outcome.history
    assert ended["psnr_y"] > begun["psnr_y"] + 0.5  # at step 0 the network is bicubic
    assert outcome.best_step == 120


def test_a_resumed_run_ends_as_an_uninterrupted_one(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    changes = {"loss": ["l1", "mse:weight=0.3"], "balance": "gradient"}
    run(photographs, tmp_path / "whole", **changes)

    from iqf_sr_msrn.training.loop import TrainingRun

    saved = TrainingRun._save

    def stop_after_the_first(self: TrainingRun) -> None:
        saved(self)
        if self.step == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(TrainingRun, "_save", stop_after_the_first)
    with pytest.raises(KeyboardInterrupt):
        run(photographs, tmp_path / "parts", **changes)
    monkeypatch.undo()
    run(photographs, tmp_path / "parts", resume=True, **changes)

    one, other = tensors(tmp_path / "whole"), tensors(tmp_path / "parts")
    assert all(torch.equal(one[name], other[name]) for name in one)
    for name in ("log.csv", "validation.csv"):
        assert rows(tmp_path / "whole" / name) == rows(tmp_path / "parts" / name)
    states = [
        torch.load(tmp_path / each / "state.pt", weights_only=True) for each in ("whole", "parts")
    ]
    assert states[0]["step"] == states[1]["step"] == 8
    first, second = (state["optimizer"]["state"] for state in states)
    assert all(torch.equal(first[k]["exp_avg"], second[k]["exp_avg"]) for k in first)


def test_resuming_with_other_settings_is_refused(
    photographs: Path, tmp_path: Path, run: Run
) -> None:
    run(photographs, tmp_path / "m", steps=4)
    with pytest.raises(IQFError, match="saved run has steps=4, now it is 6"):
        run(photographs, tmp_path / "m", steps=6, resume=True)
    with pytest.raises(IQFError, match="holds a trained model already"):
        run(photographs, tmp_path / "m", steps=4)
    with pytest.raises(IQFError, match="no run to resume"):
        run(photographs, tmp_path / "other", resume=True)
    (tmp_path / "m" / "state.pt").write_bytes(b"half a file")
    with pytest.raises(IQFError, match="saved state is damaged"):
        run(photographs, tmp_path / "m", steps=4, resume=True)


FAILING = '''
from iqf_core.api import Loss


class Explodes(Loss):
    """NaN from the seventh step on."""

    def build(self, context):
        import torch

        class Criterion(torch.nn.Module):
            calls = 0

            def forward(self, prediction, target):
                Criterion.calls += 1
                factor = float("nan") if Criterion.calls > 6 else 1
                return (prediction - target).abs().mean() * factor

        return Criterion()
'''


def test_nan_stops_the_run_and_the_last_good_checkpoint_stays(
    photographs: Path, tmp_path: Path, run: Run
) -> None:
    (tmp_path / "explodes.py").write_text(FAILING)
    manager = PluginManager.create(environment={}, files=[tmp_path / "explodes.py"])
    with pytest.raises(
        ExecutionError, match=r"step 7: the loss .* not finite .*explodes nan"
    ) as told:
        run(photographs, tmp_path / "m", plugins=manager, loss=["explodes"])
    assert len(str(told.value).splitlines()) == 1
    from iqf_core.api import Context

    network, configuration = load_model(tmp_path / "m", Context(registry=manager.registry))
    assert configuration.training["step"] == 4
    assert all(torch.isfinite(value).all() for value in network.state_dict().values())


def test_the_best_checkpoint_is_that_of_the_chosen_measure(
    photographs: Path, tmp_path: Path, run: Run
) -> None:
    # Steps so long that the network only gets worse than the bicubic it begins as.
    outcome = run(photographs, tmp_path / "m", learning_rate=5.0, clip=0, best="ssim")
    assert outcome.best_step == 0
    assert outcome.best["ssim"] > outcome.history[-1][2]["ssim"]
    last = run(photographs, tmp_path / "l", learning_rate=5.0, clip=0, best="last")
    assert last.best_step == last.history[-1][0] > 0
    assert last.best == pytest.approx(last.history[-1][2])
    chosen = run(photographs, tmp_path / "n", best="psnr.psnr")
    assert "psnr.psnr" in chosen.best
    with pytest.raises(IQFError, match="best: 'sharp' is no measure"):
        run(photographs, tmp_path / "o", best="sharp")
    with pytest.raises(IQFError, match="best: metric 'psnr' gives"):
        run(photographs, tmp_path / "o", best="psnr.rer")


def test_batches_do_not_depend_on_the_order_they_are_drawn_in(
    photographs: Path, tmp_path: Path, manager: PluginManager, quick: dict[str, Any]
) -> None:
    settings = resolved(make_configuration({**quick, "images": photographs, "out": tmp_path / "m"}))
    first, second = (prepare(settings, manager.registry).parts.source for _ in range(2))
    expected = [first.batch(n) for n in range(3)]
    for n in (2, 0, 1):
        assert all(map(torch.equal, second.batch(n), expected[n]))
    assert not torch.equal(expected[0][0], expected[1][0])


def test_low_resolution_patches_lie_where_the_high_resolution_ones_do(
    tmp_path: Path, manager: PluginManager, quick: dict[str, Any], photograph: Run
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for index in range(2):
        write_image(folder / f"{index}.png", photograph(60, 64, index))
    settings = make_configuration(
        {
            **quick,
            "images": folder,
            "out": tmp_path / "m",
            "degradation": ["gsd:factor=2,restore_size=false"],
        }
    )
    low, high = prepare(settings, manager.registry).parts.source.batch(0)
    means = torch.nn.functional.avg_pool2d(high, 2)
    assert (low - means).abs().max() <= 0.5 / 255 + 1e-6  # rounded to 8 bits


def test_a_random_degradation_makes_new_noise_for_every_patch_and_the_same_next_time(
    photographs: Path, tmp_path: Path, manager: PluginManager, quick: dict[str, Any]
) -> None:
    settings = make_configuration(
        {
            **quick,
            "images": photographs,
            "out": tmp_path / "m",
            "degradation": ["gsd:factor=2,restore_size=false", "gaussian_noise:sigma_dn=10"],
        }
    )
    source = prepare(settings, manager.registry).parts.source
    low, high = source.batch(3)
    again, _ = source.batch(3)
    assert torch.equal(low, again)
    noise = (low - torch.nn.functional.avg_pool2d(high, 2)) * 255
    assert 7 < float(noise.std()) < 11
    assert abs(np.corrcoef(noise[0].flatten(), noise[1].flatten())[0, 1]) < 0.2


def test_the_configuration_is_kept_and_taken_back(
    photographs: Path, tmp_path: Path, iqf: Callable[..., Result], quick: dict[str, Any]
) -> None:
    out = tmp_path / "m"
    (tmp_path / "c.yaml").write_text(
        f"images: {photographs}\nmodel: {quick['model']}\npatch_px: 24\nbatch: 2\nsteps: 2\n"
        "precision: float32\nloss:\n  - l1\n  - ssim: {weight: 0.1}\n"
    )
    done = iqf("sr", "train", "--config", tmp_path / "c.yaml", "--out", out, "--batch", 3)
    assert done.exit_code == 0, done.output
    kept = (out / "training.yaml").read_text()
    assert "batch: 3" in kept and "ssim:weight=0.1" in kept and "gsd:factor=2" in kept
    again = tmp_path / "again"
    done = iqf("sr", "train", "--config", out / "training.yaml", "--out", again)
    assert done.exit_code == 0, done.output
    one, other = tensors(out), tensors(again)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert read_configuration(again).training["loss"] == ["l1", "ssim:weight=0.1"]


def test_start_continues_a_model_and_refuses_another_scale(
    photographs: Path, trained: Path, tmp_path: Path, run: Run
) -> None:
    outcome = run(photographs, tmp_path / "m", start=trained, steps=1)
    begun = outcome.history[0][2]["psnr_y"]
    kept = read_configuration(trained).training["measures"]["psnr_y"]
    assert begun == pytest.approx(kept, abs=1e-5)
    with pytest.raises(IQFError, match="the model's scale is 2, this run's is 3"):
        run(photographs, tmp_path / "n", start=trained, steps=1, scale=3)


def test_luma_alone_can_be_trained(photographs: Path, tmp_path: Path, run: Run) -> None:
    run(
        photographs,
        tmp_path / "m",
        model="fsrcnn:features=8,shrunk=4",
        channels="y",
        steps=2,
    )
    configuration = read_configuration(tmp_path / "m")
    assert (configuration.bands, configuration.network_bands) == (3, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patch_px": 96}, "72 x 96 px is smaller than the patch of 96 px"),
        ({"patch_px": 25}, "patch_px 25 is no multiple of the scale 2"),
        ({"degradation": ["gsd:factor=3,restore_size=false"]}, "scale and degradation must agree"),
        ({"scale": 5, "patch_px": 25}, "scale 5 cannot be built; expected one of 2, 3, 4, 8"),
        ({"model": "unet"}, "no network named 'unet'"),
        ({"model": "msrn:depth=3"}, "network/msrn: unknown parameter 'depth'"),
        ({"loss": ["l7"]}, "no loss named 'l7'"),
        ({"steps": 0}, "parameter 'steps' is 0"),
        ({"stpes": 5}, "unknown parameter 'stpes'; did you mean 'steps'"),
        ({"start": "nowhere"}, "no such model"),
    ],
)
def test_bad_input_is_one_clear_line(
    changes: dict[str, Any], message: str, photographs: Path, tmp_path: Path, run: Run
) -> None:
    with pytest.raises(IQFError, match=message) as caught:
        run(photographs, tmp_path / "m", **changes)
    assert len(str(caught.value).splitlines()) == 1


def test_other_bands_are_refused_with_the_images_name(
    photographs: Path, tmp_path: Path, run: Run, photograph: Run
) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    for index in range(2):
        write_image(folder / f"{index}.png", read_image(photographs / f"{index}.png"))
    write_image(folder / "grey.png", photograph(72, 96, 9, bands=1))
    with pytest.raises(IQFError, match=r"grey\.png has 1 bands"):
        run(folder, tmp_path / "m")
    with pytest.raises(IQFError, match=r"grey\.png has 1 bands"):
        run(photographs, tmp_path / "m", validation=folder)


def test_one_image_needs_validation_images(tmp_path: Path, run: Run, photograph: Run) -> None:
    write_image(tmp_path / "one.png", photograph(72, 96))
    with pytest.raises(IQFError, match="one image cannot be split"):
        run(tmp_path / "one.png", tmp_path / "m")


def test_a_corrupt_checkpoint_is_one_clear_line(
    trained: Path, tmp_path: Path, iqf: Any, photograph: Run
) -> None:
    data = (trained / "model.safetensors").read_bytes()
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "model.safetensors").write_bytes(data[: len(data) // 2])
    write_image(tmp_path / "one.png", photograph(24, 24))
    for model in (broken, tmp_path / "none"):
        done = iqf("sr", "upscale", model, tmp_path / "one.png", "--out", tmp_path / "up")
        assert done.exit_code == 2
        assert len(done.output.strip().splitlines()) == 1
        assert "model" in done.output and "error:" in done.output
