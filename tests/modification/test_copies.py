"""A copy: what is in it, that it is made once, and that nothing else is ever touched."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from iqf_core.datasets.dataset import open_dataset
from iqf_core.errors import ConfigurationError, DatasetError, PluginError, UnsupportedImageError
from iqf_core.files import hash_text
from iqf_core.imaging.reading import read_image
from iqf_core.modification.engine import ModifiedDataset, copy_path
from iqf_core.modification.manifest import read_manifest

Modify = Callable[..., ModifiedDataset]


def state_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Return (size, modification time) of every file below `folder`."""
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_copy_lies_beside_the_dataset_and_holds_modified_images(
    photographs: Path, modify: Modify
) -> None:
    before = state_of(photographs)
    copy = modify(photographs, "shift:by_dn=3")
    assert copy.path == photographs.parent / "photographs#shift-by_dn=3"
    names = sorted(path.name for path in (copy.path / "images").iterdir())
    assert names == [f"p{index}.png" for index in range(6)]
    old = read_image(photographs / "images" / "p1.jpg").pixels
    new = read_image(copy.path / "images" / "p1.png").pixels
    np.testing.assert_array_equal(new, old + 3)
    assert (copy.path / "labels.csv").read_text().splitlines()[1] == "p0.png,0"
    assert state_of(photographs) == before
    assert not [path for path in photographs.parent.iterdir() if "partial" in path.name]


def test_the_unmodified_copy_of_lossy_images_has_the_names_of_all_copies(
    photographs: Path, modify: Modify
) -> None:
    copy = modify(photographs, "none")
    new = read_image(copy.path / "images" / "p2.png").pixels
    np.testing.assert_array_equal(new, read_image(photographs / "images" / "p2.jpg").pixels)


def test_the_unmodified_copy_links_where_names_stay(pngs: Path, modify: Modify) -> None:
    copy = modify(pngs, "none")
    assert (copy.path / "3.png").samefile(pngs / "3.png")


def test_a_second_request_does_nothing(photographs: Path, modify: Modify) -> None:
    first = modify(photographs, "mean", "grain", seed=5)
    before = state_of(first.path)
    second = modify(photographs, "mean", "grain", seed=5)
    assert (first.reused, second.reused) == (False, True)
    assert second.path == first.path
    assert second.manifest == first.manifest
    assert state_of(first.path) == before


def test_the_seed_makes_another_copy_of_a_random_chain_only(pngs: Path, modify: Modify) -> None:
    assert modify(pngs, "grain", seed=1).path != modify(pngs, "grain", seed=2).path
    modify(pngs, "mean", seed=1)
    assert modify(pngs, "mean", seed=2).reused


def test_no_two_images_and_no_two_links_share_noise(tmp_path: Path, modify: Modify) -> None:
    folder = tmp_path / "gray"
    folder.mkdir()
    for name, level in (("a.png", 100), ("b.png", 101)):
        cv2.imwrite(str(folder / name), np.full((30, 30), level, np.uint8))
    once = modify(folder, "grain").path
    noise = [
        read_image(once / name).pixels.astype(int) - level
        for name, level in (("a.png", 100), ("b.png", 101))
    ]
    assert np.any(noise[0] != noise[1])
    twice = read_image(modify(folder, "grain", "grain").path / "a.png").pixels.astype(int) - 100
    assert np.any(twice != 2 * noise[0])


def test_a_folder_of_the_same_name_is_never_touched(pngs: Path, modify: Modify) -> None:
    other = pngs.parent / "pngs#mean-radius_px=2"
    other.mkdir()
    (other / "mine.txt").write_text("keep")
    copy = modify(pngs, "mean")
    assert copy.path.name == f"{other.name}~{copy.manifest.fingerprint[:8]}"
    assert [path.name for path in other.iterdir()] == ["mine.txt"]
    assert modify(pngs, "mean").reused


def test_a_changed_source_gets_a_new_copy_and_the_old_one_stays(pngs: Path, modify: Modify) -> None:
    first = modify(pngs, "mean")
    before = state_of(first.path)
    cv2.imwrite(str(pngs / "0.png"), np.zeros((9, 9), np.uint8))
    second = modify(pngs, "mean")
    assert second.path.name.startswith("pngs#mean-radius_px=2~")
    assert state_of(first.path) == before
    assert (read_image(second.path / "0.png").pixels == 0).all()


def test_two_taken_names_are_an_error(pngs: Path, modify: Modify) -> None:
    copy = modify(pngs, "mean")
    (copy.path / ".iqf" / "manifest.json").unlink()
    (copy.path.parent / f"{copy.path.name}~{copy.manifest.fingerprint[:8]}").write_text("")
    with pytest.raises(DatasetError, match="are taken by something else"):
        modify(pngs, "mean")


def test_a_damaged_copy_is_said_and_not_used(pngs: Path, modify: Modify) -> None:
    copy = modify(pngs, "mean")
    (copy.path / "3.png").unlink()
    with pytest.raises(DatasetError, match=r"3\.png: is missing since the copy was made"):
        modify(pngs, "mean")


def test_a_modified_copy_appends_and_knows_its_whole_history(pngs: Path, modify: Modify) -> None:
    first = modify(pngs, "mean")
    second = modify(first.path, "shift:by_dn=1")
    third = modify(second.path, "grain")
    assert third.path.name == "pngs#mean-radius_px=2#shift-by_dn=1#grain-sigma_dn=4"
    manifest = read_manifest(third.path)
    assert manifest is not None
    assert [step.label for step in manifest.history] == ["mean:radius_px=2", "shift:by_dn=1"]
    assert [step.source for step in manifest.history] == ["pngs", first.path.name]
    assert manifest.history[0].fingerprint == first.manifest.fingerprint


def test_the_manifest_records_names_rates_and_versions(photographs: Path, modify: Modify) -> None:
    manifest = modify(photographs, "mean", "codec:nbytes=900").manifest
    entry = manifest.images[0]
    assert (entry.old_name, entry.new_name) == ("p0.jpg", "p0.png")
    assert (entry.nbytes, entry.bpppc) == (900, 900 * 8 / (40 * 60 * 3))
    assert entry.ratio == 40 * 60 * 3 / 900
    assert manifest.totals.nbytes == 5400
    assert manifest.totals.bpppc == pytest.approx(entry.bpppc)
    assert manifest.totals.ratio == pytest.approx(entry.ratio)
    assert manifest.totals.images == 6
    assert manifest.chain[1]["params"] == {"nbytes": 900}
    assert "iqf-core" in manifest.versions
    assert manifest.resolved_chain().label == "mean:radius_px=2 codec:nbytes=900"


def test_without_a_codec_there_is_no_rate_and_the_last_codec_counts(
    pngs: Path, modify: Modify
) -> None:
    assert modify(pngs, "mean").manifest.totals.bpppc is None
    assert modify(pngs, "codec:nbytes=7", "codec:nbytes=5").manifest.images[0].nbytes == 5


def test_a_manifest_of_a_later_schema_is_refused(pngs: Path, modify: Modify) -> None:
    copy = modify(pngs, "mean")
    file = copy.path / ".iqf" / "manifest.json"
    document = json.loads(file.read_text()) | {"schema": "iqf.manifest/2"}
    file.write_text(json.dumps(document))
    with pytest.raises(DatasetError, match="reads iqf.manifest/1; use a newer iqf-core"):
        read_manifest(copy.path)
    again = modify(pngs, "mean")  # it cannot be told what it is, so it is left alone
    assert again.path.name.startswith(f"{copy.path.name}~")


def test_a_broken_manifest_says_where(tmp_path: Path) -> None:
    (tmp_path / ".iqf").mkdir()
    (tmp_path / ".iqf" / "manifest.json").write_text('{"schema": "iqf.manifest/1", "seed": []}')
    with pytest.raises(DatasetError, match=r"manifest\.json: not a manifest of IQF: source"):
        read_manifest(tmp_path)
    assert read_manifest(tmp_path / "elsewhere") is None


def test_out_chooses_the_folder_but_never_one_inside_the_dataset(
    pngs: Path, modify: Modify, tmp_path: Path
) -> None:
    assert modify(pngs, "mean", out=tmp_path / "new" / "place").path.parent.name == "place"
    with pytest.raises(ConfigurationError, match="lies in the dataset"):
        modify(pngs, "mean", out=pngs / "copies")


def test_one_image_is_a_dataset_too(pngs: Path, modify: Modify) -> None:
    copy = modify(pngs / "2.png", "shift:by_dn=1")
    assert copy.path == pngs / "2.png#shift-by_dn=1"
    old, new = read_image(pngs / "2.png").pixels, read_image(copy.path / "2.png").pixels
    np.testing.assert_array_equal(new, old + 1)


def test_unsupported_images_are_said_before_any_work(
    photographs: Path, modify: Modify, tmp_path: Path
) -> None:
    for index in (1, 2):
        deep = np.full((20, 20), 1000, np.uint16)
        cv2.imwrite(str(photographs / "images" / f"deep{index}.png"), deep)
    with pytest.raises(UnsupportedImageError) as caught:
        modify(photographs, "mean", "codec:nbytes=5", peak=4095)
    assert "deep1.png and 1 more: codec:nbytes=5 takes uint8 images, not uint16" in str(
        caught.value
    )
    assert {path.name for path in photographs.parent.iterdir()} == {"photographs", ".iqf"}


def test_an_unknown_peak_is_said_before_any_work(photographs: Path, modify: Modify) -> None:
    deep = photographs / "images" / "deep.png"
    cv2.imwrite(str(deep), np.full((20, 20), 1000, np.uint16))
    with pytest.raises(ConfigurationError, match=r"deep\.png: the value of full scale"):
        modify(photographs, "mean")
    copy = modify(photographs, "mean", peak=4095)
    assert open_dataset(copy.path).properties.peak == 4095


@pytest.mark.parametrize(
    ("specification", "message"),
    [("mutates", "read-only"), ("liar", "declared local and turned uint8 with 3 bands into float")],
)
def test_a_modifier_that_breaks_its_contract_is_named(
    pngs: Path, modify: Modify, specification: str, message: str
) -> None:
    before = state_of(pngs)
    with pytest.raises(PluginError, match=message):
        modify(pngs, specification)
    assert state_of(pngs) == before
    assert {path.name for path in pngs.parent.iterdir()} == {"pngs", ".iqf"}


def test_what_an_interrupted_process_left_is_removed(pngs: Path, modify: Modify) -> None:
    stale = pngs.parent / ".pngs#mean-radius_px=2.partial-0123456789ab"
    stale.mkdir()
    (stale / "half.png").write_bytes(b"x")
    other = pngs.parent / ".pngs#mean-radius_px=3.partial-0123456789ab"
    other.mkdir()
    modify(pngs, "mean")
    assert not stale.exists()
    assert other.exists()


def test_the_place_of_a_copy_can_be_asked_for(pngs: Path, modify: Modify, chain_of) -> None:
    expected = copy_path(open_dataset(pngs), chain_of("mean"))
    assert not expected.exists()
    assert modify(pngs, "mean").path == expected


def test_a_target_that_cannot_be_written_is_one_clear_line(
    pngs: Path, modify: Modify, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    for out in (tmp_path / "file", Path("/proc/nowhere")):
        with pytest.raises(DatasetError, match="the copy cannot be written here") as caught:
            modify(pngs, "mean", out=out)
        assert len(str(caught.value).splitlines()) == 1


def test_when_writing_fails_halfway_nothing_is_left(pngs: Path, modify: Modify) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Larger files than this the system refuses, as it does on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        with pytest.raises(DatasetError, match=r"#mean-radius_px=2: cannot be written: "):
            modify(pngs, "mean")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert {path.name for path in pngs.parent.iterdir()} == {"pngs", ".iqf"}


def test_an_existing_copy_is_found_where_nothing_can_be_written(pngs: Path, modify: Modify) -> None:
    copy = modify(pngs, "mean")
    lock = pngs.parent / ".iqf" / "locks" / f"{hash_text(copy.path.name)}.lock"
    lock.unlink()
    lock.mkdir()  # where the lock should be, nothing can be locked
    assert modify(pngs, "mean").reused
    copy.path.rename(copy.path.with_name("moved"))
    with pytest.raises(DatasetError, match="cannot be written here"):
        modify(pngs, "mean")
