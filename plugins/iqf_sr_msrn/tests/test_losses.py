"""The losses, and how they are mixed; the mixture takes any plugin's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from iqf_sr_msrn.losses.modules import ssim
from iqf_sr_msrn.mixture import LossMixture
from skimage.metrics import structural_similarity

from iqf_core.api import ConfigurationError, Context, IQFError, PluginManager
from iqf_core.testing.component import ComponentConformance


class TestCharbonnierComponent(ComponentConformance):
    kind = "loss"
    component = "charbonnier"
    parameter_sets = ({}, {"epsilon": 0.01})


class TestVggComponent(ComponentConformance):
    kind = "loss"
    component = "vgg"


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    target = torch.rand(2, 3, 24, 20)
    return (target + 0.1 * torch.randn_like(target)).clamp(0, 1), target


def value(name: str, context: Context, one: torch.Tensor, other: torch.Tensor, **params) -> float:
    assert context.registry is not None
    loss = context.registry.create("loss", name, params, context)
    return float(loss.build(context)(one, other))


def test_pixel_losses_are_what_numpy_says(pair, context: Context) -> None:
    one, other = (each.numpy().astype(np.float64) for each in pair)
    difference = one - other
    assert value("l1", context, *pair) == pytest.approx(np.abs(difference).mean(), rel=1e-5)
    assert value("mse", context, *pair) == pytest.approx((difference**2).mean(), rel=1e-5)
    expected = np.sqrt(difference**2 + 0.01**2).mean()
    assert value("charbonnier", context, *pair, epsilon=0.01) == pytest.approx(expected, rel=1e-5)


def test_ssim_is_scikit_images(pair) -> None:
    one, other = (each.double() for each in pair)
    whole = [
        structural_similarity(
            a,
            b,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1.0,
            full=True,
        )[1][5:-5, 5:-5]
        for a, b in zip(
            one.numpy().reshape(6, 24, 20), other.numpy().reshape(6, 24, 20), strict=True
        )
    ]
    # Their window reaches 3.5 standard deviations, 11 pixels, as ours: only rounding differs.
    assert float(ssim(one, other)) == pytest.approx(np.mean(whole), abs=1e-6)


def vgg_weights(path: Path) -> Path:
    from torchvision.models import vgg16

    torch.manual_seed(0)
    features = vgg16(weights=None).features[:16]
    torch.save({f"features.{name}": v for name, v in features.state_dict().items()}, path)
    return path


def test_vgg_is_frozen_and_zero_at_the_target(pair, context: Context, tmp_path: Path) -> None:
    assert context.registry is not None
    params = {"weights": vgg_weights(tmp_path / "vgg.pth")}
    loss = context.registry.create("loss", "vgg", params, context).build(context)
    assert not any(each.requires_grad for each in loss.parameters())
    one = pair[0].clone().requires_grad_()
    far = loss(one, pair[1])
    far.backward()
    assert one.grad is not None and one.grad.abs().sum() > 0
    assert float(far) > 0
    assert float(loss(pair[1], pair[1])) == 0
    grey = [each[:, :1] for each in pair]
    assert float(loss(*grey)) > 0


def test_vgg_wants_its_weights_from_a_file(context: Context, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        value("vgg", context, torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8), weights="none.pth")
    torch.save({"other": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ConfigurationError, match=r"features\.0\.weight is missing"):
        one = torch.rand(1, 3, 8, 8)
        value("vgg", context, one, one, weights=tmp_path / "other.pth")


# Mixtures


def test_a_mixture_is_the_weighted_sum_and_its_gradient(pair, context: Context) -> None:
    mixture = LossMixture.of(["l1", "mse:weight=3", "l1:weight=0.5"], "fixed", context)
    mixed = mixture(*pair)
    leaf = pair[0].clone().requires_grad_()
    difference = leaf - pair[1]
    total = 1.5 * difference.abs().mean() + 3 * (difference**2).mean()
    total.backward()
    assert mixed.total == pytest.approx(float(total.detach()), rel=1e-5)
    assert torch.allclose(mixed.gradient, leaf.grad, atol=1e-8)
    assert list(mixed.values) == ["l1", "mse", "l1_2"]
    assert mixed.weights == {"l1": 1.0, "mse": 3.0, "l1_2": 0.5}


def test_a_term_of_weight_zero_is_logged_and_does_nothing(pair, context: Context) -> None:
    both = LossMixture.of(["l1", "mse:weight=0"], "fixed", context)(*pair)
    alone = LossMixture.of(["l1"], "fixed", context)(*pair)
    assert torch.equal(both.gradient, alone.gradient)
    assert both.values["mse"] > 0


def test_balanced_weights_make_gradients_of_the_asked_ratio(pair, context: Context) -> None:
    # MSE in other units: with fixed weights the ratio would depend on them.
    mixture = LossMixture.of(["l1:weight=2", "mse:weight=0.5"], "gradient", context)
    mixed = mixture(*pair)
    leaf = pair[0].clone().requires_grad_()
    (first,) = torch.autograd.grad((leaf - pair[1]).abs().mean(), leaf)
    (second,) = torch.autograd.grad(((leaf - pair[1]) ** 2).mean(), leaf)
    ratio = mixed.weights["mse"] * second.norm() / (mixed.weights["l1"] * first.norm())
    assert float(ratio) == pytest.approx(0.25, rel=1e-4)
    assert torch.allclose(mixed.gradient, 2 * first + mixed.weights["mse"] * second, atol=1e-8)


@pytest.mark.parametrize(
    ("specifications", "balance", "message"),
    [
        (["l1:weight=-1"], "fixed", "weight is -1; expected a number from 0 on"),
        (["l1:weight=heavy"], "fixed", "weight is 'heavy'"),
        (["l1:weight=0"], "fixed", "no loss with a weight above 0"),
        (["l1:weight=0", "mse"], "gradient", "scales all losses by the first"),
        (["l1:weight=1|2"], "fixed", "several values where one is expected"),
        (["charbonnier:epsilon=-1"], "fixed", "loss/charbonnier: parameter 'epsilon' is -1"),
    ],
)
def test_a_wrong_mixture_is_one_clear_line(
    specifications: list[str], balance: str, message: str, context: Context
) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        LossMixture.of(specifications, balance, context)  # type: ignore[arg-type]
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_loss_plugin_is_named(context: Context) -> None:
    with pytest.raises(IQFError, match="no loss named 'perceptual_magic'"):
        LossMixture.of(["l1", "perceptual_magic:weight=0.1"], "fixed", context)


THIRD_PARTY = '''
from iqf_core.api import Loss, Params as BaseParams, parameter


class Brightness(Loss):
    """Distance of the mean from a value: a criterion that needs no target."""

    needs_target = False

    class Params(BaseParams):
        level: float = parameter(0.5, description="the mean that is wanted", unit="")

    def build(self, context):
        import torch

        class Criterion(torch.nn.Module):
            def forward(self, prediction, target):
                return (prediction.mean() - level) ** 2

        level = self.params.level
        return Criterion()
'''


def test_a_third_party_loss_joins_the_mixture(pair, tmp_path: Path) -> None:
    file = tmp_path / "brightness.py"
    file.write_text(THIRD_PARTY)
    registry = PluginManager.create(environment={}, files=[file]).registry
    mixture = LossMixture.of(
        ["l1", "brightness:level=0.9,weight=2"], "fixed", Context(registry=registry)
    )
    mixed = mixture(*pair)
    assert mixed.values["brightness"] == pytest.approx((float(pair[0].mean()) - 0.9) ** 2, rel=1e-4)
    # All its gradients point up, to a brighter image.
    assert (
        (
            mixed.gradient
            - LossMixture.of(["l1"], "fixed", Context(registry=registry))(*pair).gradient
        )
        < 0
    ).all()
