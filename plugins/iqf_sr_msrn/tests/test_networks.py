"""The networks: as the papers describe them, and with the authors' names."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from iqf_sr_msrn.networks.fsrcnn import FSRCNN, parameter_count
from iqf_sr_msrn.networks.msrn import MSRN
from iqf_sr_msrn.networks.official import load_official
from torch import Tensor, nn
from torch.nn import functional

from iqf_core.api import Context, IQFError
from iqf_core.testing.component import ComponentConformance


class TestMsrnComponent(ComponentConformance):
    kind = "network"
    component = "msrn"
    parameter_sets = ({}, {"preset": "cpu"}, {"tail": "nearest", "blocks": 2})


class TestFsrcnnComponent(ComponentConformance):
    kind = "network"
    component = "fsrcnn"


@pytest.mark.parametrize(
    ("scale", "count"), [(2, 5930307), (3, 6114947), (4, 6078019), (8, 6225731)]
)
def test_the_full_size_has_the_published_number_of_parameters(scale: int, count: int) -> None:
    assert parameter_count(MSRN(scale)) == count


def test_the_variant_of_the_loss_study_has_its_number_of_parameters() -> None:
    assert {parameter_count(MSRN(scale, tail="nearest")) for scale in (2, 4)} == {5782083}


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@pytest.mark.parametrize("bands", [1, 3, 13])
@pytest.mark.parametrize("tail", ["pixelshuffle", "nearest"])
def test_every_scale_and_band_count_is_enlarged(scale: int, bands: int, tail: str) -> None:
    network = MSRN(scale, bands, 1, 4, tail)  # type: ignore[arg-type]
    assert network(torch.rand(2, bands, 6, 7)).shape == (2, bands, 6 * scale, 7 * scale)


def reference(weights: dict[str, Tensor], x: Tensor, blocks: int) -> Tensor:
    """MSRN at scale 2 written out with functions, from the paper's equations."""

    def conv(name: str, value: Tensor) -> Tensor:
        weight = weights[f"{name}.weight"]
        return functional.conv2d(
            value, weight, weights[f"{name}.bias"], padding=weight.shape[-1] // 2
        )

    head = conv("head.0", x)
    outputs, m = [], head
    for n in range(blocks):
        s1 = torch.relu(conv(f"body.{n}.conv_3_1", m))
        p1 = torch.relu(conv(f"body.{n}.conv_5_1", m))
        both = torch.cat([s1, p1], 1)
        s2 = torch.relu(conv(f"body.{n}.conv_3_2", both))
        p2 = torch.relu(conv(f"body.{n}.conv_5_2", both))
        m = conv(f"body.{n}.confusion", torch.cat([s2, p2], 1)) + m
        outputs.append(m)
    fused = conv("tail.1", conv("tail.0", torch.cat([*outputs, head], 1)))
    wide = conv("tail.2.0", fused)
    batch, channels, height, width = wide.shape
    grid = wide.view(batch, channels // 4, 2, 2, height, width).permute(0, 1, 4, 2, 5, 3)
    return conv("tail.3", grid.reshape(batch, channels // 4, 2 * height, 2 * width))


def test_the_full_size_computes_what_the_paper_says_forward_and_backward() -> None:
    torch.manual_seed(0)
    network = MSRN().double()
    x = torch.rand(1, 3, 9, 8, dtype=torch.float64, requires_grad=True)
    weights = {
        name: value.detach().clone().requires_grad_() for name, value in network.named_parameters()
    }
    expected = reference(weights, x, 8)
    result = network(x)
    assert torch.allclose(result, expected, rtol=0, atol=1e-6)
    direction = torch.rand_like(result)
    theirs = torch.autograd.grad(expected, list(weights.values()), direction)
    ours = torch.autograd.grad(
        result, [value for _, value in network.named_parameters()], direction
    )
    for name, one, other in zip(weights, ours, theirs, strict=True):
        assert torch.allclose(one, other, rtol=1e-6, atol=1e-6), name


def test_a_residual_network_begins_as_bicubic_interpolation() -> None:
    x = torch.rand(1, 3, 8, 8)
    expected = functional.interpolate(x, scale_factor=2, mode="bicubic", align_corners=False)
    assert torch.equal(MSRN(2, 3, 1, 4, residual=True)(x), expected)


def test_the_tail_begins_without_a_checkerboard() -> None:
    x = torch.rand(1, 4, 5, 5)
    shuffled = nn.Sequential(*MSRN(4, 3, 1, 4).tail[2][:2])(x)
    blocks = shuffled.unfold(2, 2, 2).unfold(3, 2, 2)
    assert torch.allclose(blocks, blocks[..., :1, :1].expand_as(blocks))


def test_an_official_checkpoint_is_loaded(tmp_path: Path) -> None:
    torch.manual_seed(1)
    source = MSRN(4)
    eye = torch.eye(3).view(3, 3, 1, 1)
    shift = torch.tensor([0.4488, 0.4371, 0.4040]) * 255
    state = {
        **source.state_dict(),
        **{"sub_mean.weight": eye, "sub_mean.bias": -shift},
        **{"add_mean.weight": eye, "add_mean.bias": shift},
    }
    torch.save(state, tmp_path / "MSRN_x4.pt")
    network = MSRN(4)
    load_official(network, tmp_path / "MSRN_x4.pt")
    x = torch.rand(1, 3, 6, 6)
    assert torch.equal(network(x), source(x))
    with pytest.raises(IQFError, match=r"do not fit the network: tail\.2\.2\.bias is not known"):
        load_official(MSRN(2), tmp_path / "MSRN_x4.pt")


def test_a_pickled_module_is_not_executed(tmp_path: Path) -> None:
    torch.save(MSRN(2, 3, 1, 4), tmp_path / "whole.pt")
    with pytest.raises(IQFError, match="cannot be read as a state dictionary"):
        load_official(MSRN(2), tmp_path / "whole.pt")


def test_the_official_normalization_is_undone_behind_the_network(context: Context) -> None:
    assert context.registry is not None
    component = context.registry.create(
        "network", "msrn", {"normalization": "div2k", "blocks": 1, "features": 4}, context
    )
    network = component.build(context, scale=2, bands=3)
    for parameter in network.tail[3].parameters():
        torch.nn.init.zeros_(parameter)
    expected = torch.tensor([0.4488, 0.4371, 0.4040]).view(1, 3, 1, 1).expand(1, 3, 8, 8)
    assert torch.allclose(network(torch.rand(1, 3, 4, 4)), expected)


@pytest.mark.parametrize(
    "specification", ["msrn:preset=cpu", "msrn:blocks=2,features=4,tail=nearest", "fsrcnn"]
)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_declared_halo_covers_what_the_network_sees(
    specification: str, scale: int, context: Context
) -> None:
    from iqf_sr_msrn.model_file import network_component

    component = network_component(specification, context)
    network = component.build(context, scale=scale, bands=1).double()
    for parameter in network.parameters():  # no unit may be dead, no path at zero
        torch.nn.init.uniform_(parameter, 0.01, 0.02)
    size = 2 * component.halo() + 9
    x = torch.rand(1, 1, size, size, dtype=torch.float64, requires_grad=True)
    middle = size // 2 * scale
    network(x)[0, 0, middle : middle + scale, middle : middle + scale].sum().backward()
    assert x.grad is not None
    seen = x.grad[0, 0].abs().sum(0).nonzero()
    reach = max(size // 2 - int(seen.min()), int(seen.max()) - size // 2)
    assert reach <= component.halo() <= reach + 4


def test_fsrcnn_has_the_published_layers() -> None:
    # Table 1 of the paper counts 12,464: without biases and PReLU's slopes.
    weights = sum(value.numel() for name, value in FSRCNN().named_parameters() if value.dim() == 4)
    assert weights == 12464
