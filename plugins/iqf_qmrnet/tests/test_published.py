"""Published checkpoints: whole pickled ResNets are read, anything else is refused."""

from __future__ import annotations

import os
import pickle

import pytest
import torch
from iqf_qmrnet.published import read_published
from torchvision import models

from iqf_core.api import ConfigurationError


def published(classes=50, architecture="resnet18"):
    """Return a network as the publication makes it: torchvision's, with another last layer."""
    torch.manual_seed(3)
    network = models.get_model(architecture, weights=None)
    network.fc = torch.nn.Linear(network.fc.in_features, classes)
    return network


@pytest.mark.parametrize("architecture", ["resnet18", "resnet50"])
def test_a_pickled_network_is_read(tmp_path, architecture):
    network = published(architecture=architecture)
    torch.save(network, tmp_path / "checkpoint_epoch3.pth")
    found = read_published(tmp_path / "checkpoint_epoch3.pth")
    assert (found.architecture, found.classes) == (architecture, 50)
    rebuilt = models.get_model(found.architecture, weights=None, num_classes=found.classes)
    rebuilt.load_state_dict(found.state)
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(rebuilt.eval()(images), network.eval()(images))


def test_so_are_a_state_dictionary_and_a_network_on_several_devices(tmp_path):
    network = published(9)
    torch.save(network.state_dict(), tmp_path / "state.pth")
    torch.save(torch.nn.DataParallel(network), tmp_path / "parallel.pth")
    for name in ("state.pth", "parallel.pth"):
        assert read_published(tmp_path / name).classes == 9


class Malicious:
    """A pickle that runs a command."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_a_malicious_pickle_is_refused_and_runs_nothing(tmp_path):
    evidence = tmp_path / "ran"
    torch.save(Malicious(f"touch {evidence}"), tmp_path / "whole.pth")
    hidden = published(9)
    hidden.hook = Malicious(f"touch {evidence}")
    torch.save(hidden, tmp_path / "hidden.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Malicious(f"touch {evidence}"), protocol=2))
    for name in ("whole.pth", "hidden.pth", "plain.pth"):
        with pytest.raises(ConfigurationError, match=r"refused, because it names \w+\.system"):
            read_published(tmp_path / name)
    assert not evidence.exists()


class Foreign(torch.nn.Module):
    """A network of a class that is not torchvision's."""


def test_other_classes_are_refused(tmp_path):
    torch.save(Foreign(), tmp_path / "foreign.pth")
    with pytest.raises(ConfigurationError, match="refused, because it names .*Foreign"):
        read_published(tmp_path / "foreign.pth")


def test_what_is_no_published_network_gets_one_line(tmp_path):
    whole = tmp_path / "whole.pth"
    torch.save(published(9).state_dict(), whole)
    (tmp_path / "truncated.pth").write_bytes(whole.read_bytes()[:100_000])
    (tmp_path / "empty.pth").write_bytes(b"")
    (tmp_path / "text.pth").write_text("no checkpoint")
    torch.save(torch.nn.Linear(3, 4), tmp_path / "linear.pth")
    torch.save({"epoch": 3}, tmp_path / "epoch.pth")
    torch.save(models.vgg11(num_classes=2).features, tmp_path / "vgg.pth")
    expected = {
        "missing.pth": "no such file",
        "truncated.pth": "cannot be read|refused",
        "empty.pth": "cannot be read|refused",
        "text.pth": "cannot be read|refused",
        "linear.pth": "no classifying layer",
        "epoch.pth": "something else than the tensors",
        "vgg.pth": "no classifying layer",
    }
    for name, message in expected.items():
        with pytest.raises(ConfigurationError, match=message) as caught:
            read_published(tmp_path / name)
        assert "\n" not in str(caught.value)
        assert name in str(caught.value)
