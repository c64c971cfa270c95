"""QMRLoss: frozen, differentiable, of equal kinds on both sides, and small where it should be."""

from __future__ import annotations

import copy

import pytest
import torch
from iqf_qmrnet.checkpoint import load_model
from iqf_qmrnet.criterion import QMRCriterion
from iqf_qmrnet.distances import Distance

from iqf_core.api import ConfigurationError, IQFError
from iqf_core.components.specification import parse_specification
from iqf_core.testing.component import ComponentConformance

DISTANCES = Distance.__args__
MODES = ("match", "target", "minimize", "maximize")


class TestTheComponent(ComponentConformance):
    kind = "loss"
    component = "qmrnet"


@pytest.fixture
def build(iqf_registry, iqf_context):
    """Build the loss of a specification string, as a study would."""

    def build(spec, model=None):
        specification = parse_specification(spec)
        params = dict(specification.params) | ({} if model is None else {"model": str(model)})
        return iqf_registry.create("loss", specification.name, params, iqf_context).build(
            iqf_context
        )

    return build


@pytest.fixture
def pictures(make_texture, blur):
    """A picture blurred by a little and by much, (1, 1, 48, 48) each."""
    plane = make_texture(77, 48)
    return [torch.from_numpy(blur(plane, sigma))[None, None] for sigma in (1.2, 1.4, 2.4)]


@pytest.mark.parametrize("distance", ["emd", "expected", "l1", "mse"])
def test_equal_images_cost_nothing_and_blurred_ones_cost(build, blur_model, pictures, distance):
    loss = build(f"qmrnet:distance={distance}", blur_model)
    sharp, near, far = pictures
    assert float(loss(sharp, sharp)) == 0
    assert 0 < float(loss(near, sharp)) <= float(loss(far, sharp))


def test_the_default_grows_with_the_error(build, blur_model, pictures):
    loss = build("qmrnet", blur_model)
    sharp, near, far = pictures
    assert float(loss(far, sharp)) > 3 * float(loss(near, sharp))


def test_binary_cross_entropy_has_its_least_value_and_no_gradient_at_the_target(
    build, blur_model, pictures
):
    loss = build("qmrnet:distance=bce", blur_model)
    sharp, _, far = pictures
    image = sharp.clone().requires_grad_()
    least = loss(image, sharp)
    least.backward()
    assert float(image.grad.abs().max()) < 1e-4
    assert float(loss(far, sharp)) > float(least.detach())


def test_targets_and_ends(build, blur_model, pictures):
    sharp, _, soft = pictures
    wanted = build("qmrnet:mode=target,value=2.4", blur_model)
    assert float(wanted(soft)) < float(wanted(sharp))
    down, up = (build(f"qmrnet:mode={mode}", blur_model) for mode in ("minimize", "maximize"))
    assert float(down(sharp)) < float(down(soft))
    assert float(up(sharp)) > float(up(soft))


class Constant(torch.nn.Module):
    """A network that reads the same in every image."""

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def forward(self, images):
        return self.logits


def test_beyond_the_wanted_end_nothing_is_lost(blur_model):
    model = load_model(blur_model)
    (head,) = model.heads
    for mode, end in (("minimize", 0), ("maximize", -1)):
        for distance in ("emd", "expected"):
            logits = torch.full((1, head.classes), -50.0)
            logits[0, end] = 50
            network = Constant({head.name: logits})
            criterion = QMRCriterion(network, [head], mode=mode, distance=distance)
            assert float(criterion(torch.zeros(1, 1, 48, 48))) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("distance", DISTANCES)
def test_gradients_reach_the_image_and_nothing_else(build, two_heads, blur_model, mode, distance):
    model = blur_model if mode == "target" else two_heads
    value = ",value=1.7" if mode == "target" else ""
    loss = build(f"qmrnet:mode={mode},distance={distance}{value}", model)
    torch.manual_seed(0)
    image = torch.rand(2, 3, 48, 48, requires_grad=True)
    loss(image, torch.rand(2, 3, 48, 48)).backward()
    assert torch.isfinite(image.grad).all()
    assert float(image.grad.abs().max()) > 0
    assert all(each.grad is None and not each.requires_grad for each in loss.parameters())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("distance", DISTANCES)
def test_gradients_are_right_in_double_precision(build, blur_model, pictures, mode, distance):
    value = ",value=1.7" if mode == "target" else ""
    loss = build(f"qmrnet:mode={mode},distance={distance}{value}", blur_model).double()
    image, other = (each[..., :24, :24].double() for each in pictures[1:])
    image.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, other), image, fast_mode=True)


def test_nothing_of_the_network_changes_in_training(build, two_heads):
    loss = build("qmrnet", two_heads)
    before = copy.deepcopy(loss.state_dict())
    loss.train()
    assert not any(module.training for module in loss.network.modules())
    for _ in range(3):
        image = torch.rand(2, 3, 32, 32, requires_grad=True)
        loss(image, torch.rand(2, 3, 32, 32)).backward()
    for key, value in loss.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_descending_it_makes_a_blurred_image_read_sharper(build, blur_model, pictures):
    loss = build("qmrnet:mode=minimize", blur_model)
    *_, soft = pictures
    image = soft.clone().requires_grad_()
    optimiser = torch.optim.Adam([image], 2e-3)
    first = float(loss(soft))
    for _ in range(30):
        optimiser.zero_grad()
        loss(image).backward()
        optimiser.step()
    assert float(loss(image.detach())) < first / 2


def test_one_head_can_be_chosen(build, two_heads):
    torch.manual_seed(0)
    image, other = torch.rand(2, 1, 3, 32, 32).unbind()
    one, two = (
        float(build(f"qmrnet:head={name}", two_heads)(image, other))
        for name in ("blur_sigma_px", "snr")
    )
    both = float(build("qmrnet", two_heads)(image, other))
    assert both == pytest.approx((one + two) / 2, rel=1e-5)
    with pytest.raises(IQFError, match="no head named 'rer'; it has blur_sigma_px, snr"):
        build("qmrnet:head=rer", two_heads)


def test_a_target_is_needed_to_match(build, two_heads):
    with pytest.raises(ValueError, match="compares with a target"):
        build("qmrnet", two_heads)(torch.rand(1, 3, 32, 32))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("qmrnet", "parameter 'model' is required"),
        ("qmrnet:model=nowhere", "nowhere: no model there"),
        ("qmrnet:mode=target", "needs the 'value'"),
        ("qmrnet:value=2", "'value' belongs to mode=target"),
        ("qmrnet:mode=target,value=2", "needs one 'head'"),
        ("qmrnet:mode=target,value=9,head=snr", "outside of snr's range, 15 to 55"),
        ("qmrnet:mode=worse", "parameter 'mode'"),
    ],
)
def test_mistakes_get_one_line(build, two_heads, spec, message):
    model = None if spec == "qmrnet" or "nowhere" in spec else two_heads
    with pytest.raises((ConfigurationError, IQFError), match=message) as caught:
        build(spec, model)
    assert "\n" not in str(caught.value)
