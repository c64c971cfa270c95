"""The training program as a trainer of studies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from iqf_sr_msrn.study_script import settings_of

from iqf_core.api import ConfigurationError, PluginManager, Study
from iqf_core.testing.component import ComponentConformance


class TestTrainerComponent(ComponentConformance):
    kind = "trainer"
    component = "super_resolution"


def test_a_grid_over_losses_is_a_study(
    photographs: Path, tmp_path: Path, manager: PluginManager, quick: dict[str, Any]
) -> None:
    lines = [f"  {name}: {value!r}" for name, value in quick.items() if name != "model"]
    (tmp_path / "study.yaml").write_text(
        "\n".join(
            [
                "study: losses",
                f"datasets: {{train: {photographs}, val: {photographs}}}",
                "modifiers: [none]",
                "task: super_resolution",
                "params:",
                f"  model: {quick['model']!r}",
                '  loss: ["l1", "l1 + ssim:weight=0.5"]',
                *lines,
                "metrics: [{psnr: {}, on: generated, reference: val}]",
                "executor: serial",
            ]
        )
    )
    study = Study.from_file(tmp_path / "study.yaml", manager=manager)
    study.run()
    frame = study.results().frame()
    assert list(frame["loss"]) == ["l1", "l1 + ssim:weight=0.5"]
    assert (frame["val_psnr_y"] > 15).all()


def test_arguments_become_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IQF_SEED", "7")
    given = ["--outputpath", str(tmp_path), "--trainds", "/data", "--loss", "l1 + mse:weight=2"]
    settings = settings_of([*given, "--steps", "20", "--augment", "false"])
    assert settings.loss == ["l1", "mse:weight=2"]
    assert (settings.steps, settings.augment, settings.seed) == (20, False, 7)
    assert settings.out == tmp_path / "model"
    with pytest.raises(ConfigurationError, match="unknown setting --epochs"):
        settings_of([*given, "--epochs", "3"])


def test_missing_inputs_are_said_when_the_study_is_planned(
    tmp_path: Path, manager: PluginManager
) -> None:
    from iqf_core.api import Context

    registry = manager.registry
    context = Context(registry=registry)
    trainer = registry.create("trainer", "super_resolution", {"inputs": ["models/rer"]}, context)
    with pytest.raises(ConfigurationError, match="models/rer not found"):
        trainer.command(tmp_path, context)
