from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner, Result
from rasterio.transform import from_origin

from iqf_core.cli.dataset import dataset as dataset_group
from iqf_core.datasets.dataset import open_dataset
from iqf_core.datasets.info import DatasetInfo, dataset_info
from iqf_core.errors import DatasetError

DATA = Path(__file__).parents[2].parent / "shared" / "data"
Write = Callable[..., Path]
shared_data = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not there"),
]


def info(path: Path, **options: Any) -> DatasetInfo:
    return dataset_info(open_dataset(path, **options))


def command(*arguments: object) -> Result:
    return CliRunner().invoke(dataset_group, ["info", *map(str, arguments)])


def test_images_and_objects_are_counted(coco_dataset: Path, write_image: Write) -> None:
    write_image(coco_dataset / "images" / "c.jpg", height=10, width=10)
    found = info(coco_dataset)
    assert (found.images, found.unreadable, found.objects, found.masks) == (3, 0, 3, 0)
    assert found.sizes == {(20, 30): 2, (10, 10): 1}
    assert (found.smallest, found.largest) == ((10, 10), (20, 30))
    assert found.drivers == {"PNG": 2, "JPEG": 1}
    assert (found.dtypes, found.bands, found.peaks) == ({"uint8": 3}, {3: 3}, {255.0: 3})
    assert [(each.id, each.name, each.objects) for each in found.classes] == [
        (5, "car", 1),
        (7, "ship", 2),
    ]
    assert found.images_without_annotations == ("c.jpg",)
    assert found.formats == {"coco": "annotations.json"}
    assert found.lossy == 1
    assert found.nbytes == sum(path.stat().st_size for path in (coco_dataset / "images").iterdir())


def test_georeference_gsd_and_an_unknown_peak_are_said(tmp_path: Path) -> None:
    with rasterio.open(
        tmp_path / "a.tif",
        "w",
        driver="GTiff",
        height=8,
        width=9,
        count=2,
        dtype="uint16",
        crs="EPSG:32631",
        transform=from_origin(500_000, 4_000_000, 2.5, 2.5),
    ) as file:
        file.write(np.zeros((2, 8, 9), np.uint16))
    found = info(tmp_path)
    assert found.georeferenced == 1
    assert found.gsd_m == pytest.approx((2.5, 2.5))
    assert found.peaks == {None: 1}
    assert [each.code for each in found.findings] == ["unknown-peak"]
    assert info(tmp_path, peak=4095).peaks == {4095: 1}
    (tmp_path / "iqf.yaml").write_text("bands: [red]\npeak: 7\nnodata: .nan\n")
    stated = info(tmp_path)
    assert stated.peaks == {7: 1}
    assert [each.code for each in stated.findings] == ["band-count"]
    text = json.dumps(stated.to_json(), allow_nan=False)
    assert json.loads(text)["properties"] == {"bands": ["red"], "peak": 7, "nodata": "nan"}


def test_an_image_that_cannot_be_read_is_named_with_the_reason(
    coco_dataset: Path,
) -> None:
    images = coco_dataset / "images"
    (images / "empty.png").touch()
    (images / "text.png").write_text("no image at all")
    (images / "dangling.tif").symlink_to("nowhere")
    (images / "folder.png").mkdir()
    found = info(coco_dataset)
    assert (found.images, found.unreadable) == (5, 3)
    reasons = {each.file: each.message for each in found.findings if each.severity == "error"}
    assert set(reasons) == {"empty.png", "text.png", "dangling.tif"}
    assert "empty" in reasons["empty.png"]
    assert "folder-named-like-image" in {each.code for each in found.findings}


def test_a_size_other_than_the_annotations_say_is_a_finding(
    coco_dataset: Path, write_image: Write
) -> None:
    write_image(coco_dataset / "images" / "a.png", height=30, width=20)
    (finding,) = info(coco_dataset).findings
    assert (finding.code, finding.file) == ("size-mismatch", "a.png")
    assert "30 x 20" in finding.message and "20 x 30" in finding.message


def test_annotations_that_cannot_be_read_leave_the_rest_to_be_told(coco_dataset: Path) -> None:
    path = coco_dataset / "annotations.json"
    path.write_text(path.read_text()[:-20])
    found = info(coco_dataset)
    assert found.images == 2 and found.classes == ()
    assert [each.code for each in found.findings] == ["unreadable-annotations"]


def test_json_carries_everything_under_a_schema(coco_dataset: Path) -> None:
    result = command(coco_dataset, "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["schema"] == "iqf.dataset-info/1"
    assert document["images"]["count"] == 2
    assert document["images"]["sizes"] == [{"height": 20, "width": 30, "count": 2}]
    assert document["annotations"]["classes"][0] == {"id": 5, "name": "car", "objects": 1}
    assert document["findings"] == []


def test_the_table_shows_counts_and_problems(coco_dataset: Path) -> None:
    (coco_dataset / "images" / "[bold]x.png").touch()
    result = command(coco_dataset)
    assert result.exit_code == 0
    for text in ("30 x 20 (2)", "coco (annotations.json), 3 objects", "ship", "1 unreadable"):
        assert text in result.stdout
    assert "error unreadable-image: [bold]x.png" in result.stdout


def test_many_findings_of_one_kind_are_counted(coco_dataset: Path) -> None:
    for index in range(9):
        (coco_dataset / "images" / f"{index}.png").touch()
    lines = command(coco_dataset).stdout.splitlines()
    assert sum("unreadable-image" in line for line in lines) == 6
    assert any("4 more" in line for line in lines)


def test_the_peak_can_be_given(coco_dataset: Path) -> None:
    assert command(coco_dataset, "--peak", "0").exception is not None
    assert command(coco_dataset, "--peak", "9").exit_code == 0


def test_a_missing_dataset_raises_one_clear_error(tmp_path: Path) -> None:
    assert isinstance(command(tmp_path / "gone").exception, DatasetError)


def test_on_the_command_line_a_mistake_is_one_line_and_exit_code_2(coco_dataset: Path) -> None:
    def iqf(*arguments: object) -> subprocess.CompletedProcess[str]:
        code = "import sys; from iqf_core.cli.main import main; main(sys.argv[1:])"
        return subprocess.run(
            [sys.executable, "-c", code, "dataset", "info", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
        )

    shutil.copytree(coco_dataset / "images", coco_dataset / "more")
    failed = iqf(coco_dataset)
    assert failed.returncode == 2 and failed.stdout == ""
    (line,) = failed.stderr.splitlines()
    assert "'images' and 'more'" in line
    shutil.rmtree(coco_dataset / "more")
    good = iqf(f"{coco_dataset}/", "--json")
    assert good.returncode == 0 and json.loads(good.stdout)["name"] == coco_dataset.name


@pytest.mark.parametrize(
    ("name", "driver", "objects", "findings"),
    [
        pytest.param("coco_photos", "JPEG", 130, [], marks=shared_data),
        pytest.param("geo_tiles", "GTiff", 15, ["unknown-peak"], marks=shared_data),
    ],
)
def test_real_datasets_are_described(
    name: str, driver: str, objects: int, findings: list[str]
) -> None:
    found = info(DATA / name)
    assert (found.images, found.drivers, found.objects) == (10, {driver: 10}, objects)
    assert [each.code for each in found.findings] == findings
    assert found.images_without_annotations == ()
