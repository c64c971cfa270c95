"""What the distribution declares."""

from __future__ import annotations


def test_brings_its_five_modifiers(iqf_registry):
    names = {
        entry.name
        for entry in iqf_registry.entries("modifier")
        if entry.distribution == "iqf-modifiers-basic"
    }
    assert {"none", "blur", "gaussian_noise", "quantization", "jpeg"} <= names


def test_noise_is_another_name_of_gaussian_noise(iqf_registry):
    assert iqf_registry.entry("modifier", "noise").name == "gaussian_noise"


def test_the_reference_is_the_image_itself(iqf_registry, iqf_context, iqf_image):
    reference = iqf_registry.create("modifier", "none", {}, iqf_context)
    image = iqf_image(bands=5, dtype="uint16", border=3)
    assert reference.modify(image, None, iqf_context) is image
    assert reference.is_identity()


def test_every_preset_is_a_valid_chain(iqf_registry):
    from iqf_core.modification.chain import Chain
    from iqf_core.modification.presets import load_preset

    presets = [
        entry
        for entry in iqf_registry.entries("preset")
        if entry.distribution == "iqf-modifiers-basic"
    ]
    assert presets
    for entry in presets:
        Chain.resolve(load_preset(entry.name, iqf_registry), iqf_registry)
