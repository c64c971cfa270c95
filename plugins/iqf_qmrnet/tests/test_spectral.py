"""The spectral backbone: what it sees, and what it does not."""

from __future__ import annotations

import pytest
import torch
from iqf_qmrnet.networks.spectral import Spectral


@pytest.fixture
def images(make_texture):
    return torch.from_numpy(make_texture(1, 64))[None, None]


def test_turned_and_mirrored_images_have_the_same_spectra(images):
    network = Spectral(window=16)
    seen = network.spectra(images.double())
    for turned in (images.flip(2), images.flip(3), images.transpose(2, 3)):
        torch.testing.assert_close(network.spectra(turned.double()), seen)


def test_directions_are_told_apart_where_asked(images):
    along = images.clone()
    along[..., 1:] = (images[..., 1:] + images[..., :-1]) / 2
    across = along.transpose(2, 3)
    network = Spectral(window=16, symmetric=False)
    assert not torch.allclose(network.spectra(along), network.spectra(across), atol=0.5)
    assert network.spectra(along).shape[1] > Spectral(window=16).spectra(along).shape[1]


def test_noise_shows_in_the_quietest_windows(images):
    """Where half of the image is flat, noise on it moves only what the quietest windows say."""
    quiet = images.clone()
    quiet[..., :32, :] = 0.5
    torch.manual_seed(0)
    noisy = quiet + 0.004 * torch.randn_like(quiet)
    network = Spectral(window=16)
    change = (network.spectra(noisy) - network.spectra(quiet))[0]
    everywhere, strongest, quietest = change[:-5].reshape(3, -1).mean(dim=1)
    assert quietest > 1.5 * everywhere > 0.5
    assert strongest < 0.1 * everywhere


def test_brightness_is_seen(images):
    network = Spectral(window=16)
    change = network.spectra(images / 2) - network.spectra(images)
    torch.testing.assert_close(change[0, -1], torch.tensor(0.5).log(), atol=0.02, rtol=0)


def test_gradients_are_finite_on_flat_images():
    flat = torch.full((2, 1, 48, 48), 0.25, requires_grad=True)
    Spectral(window=16)(flat).sum().backward()
    assert torch.isfinite(flat.grad).all()
