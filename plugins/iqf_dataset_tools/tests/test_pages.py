"""The page in a browser, and the same pictures served."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from broken_datasets import (
    collection,
    feature,
    scene,
    square,
    write_coco,
    write_geotiff,
    write_json,
)
from click.testing import CliRunner
from iqf_dataset_tools.gallery import picture
from iqf_dataset_tools.images import Stated
from iqf_dataset_tools.statistics import dataset_statistics
from iqf_dataset_tools.view import make_server

from iqf_core.api import open_dataset
from iqf_core.cli.main import cli

SHARED = Path(__file__).parents[4] / "shared" / "data"


@pytest.fixture
def geo(tmp_path: Path) -> Path:
    """Three 16-bit images of two bands with an object each."""
    folder = tmp_path / "geo"
    for name in "abc":
        grey = scene(ord(name))[..., :2].astype(np.uint16) * 9 + 300
        write_geotiff(folder / f"images/{name}.tif", grey)
    features = [feature(square(500_005, 3_999_995, 6), f"{name}.tif") for name in "abc"]
    write_json(folder / "labels.geojson", collection(features))
    return folder


@pytest.mark.browser
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_the_page_in_a_browser(
    tmp_path: Path, registry: Any, open_page: Callable[..., Any], width: int, dark: bool
) -> None:
    found = dataset_statistics(write_coco(tmp_path / "d"), registry=registry, quiet=True)
    found.write_html(tmp_path / "page.html")
    opened = open_page(tmp_path / "page.html", width=width, dark=dark)
    page = opened.page
    assert opened.errors == []
    assert opened.requests == []
    assert opened.overflow == 0
    assert page.locator(".preview .picture img").count() == 2
    for image in page.locator(".preview .picture img").all():
        image.scroll_into_view_if_needed()
        page.wait_for_function("i => i.complete && i.naturalWidth > 0", arg=image.element_handle())

    # The filter of the annotations.
    table = page.locator(".table").filter(has_text="compactness").first
    assert table.locator("tbody tr").count() == 2
    table.locator("input[type=search]").fill("ship")
    assert table.locator("tbody tr").count() == 1
    assert "2.png" in (table.locator("tbody tr").text_content() or "")

    # A number leads to the object in its picture.
    table.locator("tbody tr a").click()
    assert page.locator(".o.pick").get_attribute("data-class") == "2"

    # The filters of the pictures.
    page.locator("#find-class").select_option("1")
    assert page.locator(".preview[data-image]:visible").count() == 1
    page.locator("#find-class").select_option("")
    page.locator("#find-image").fill("2.png")
    assert page.locator(".preview[data-image]:visible").count() == 1
    page.locator("#find-image").fill("")
    page.locator("#draw").uncheck()
    assert not page.locator(".preview .picture svg").first.is_visible()
    page.locator(".preview .picture").first.click()
    assert page.locator("dialog").is_visible()
    assert opened.errors == []


@pytest.mark.browser
def test_sixteen_bits_in_a_browser(
    geo: Path, tmp_path: Path, registry: Any, open_page: Callable[..., Any]
) -> None:
    dataset_statistics(geo, registry=registry, quiet=True).write_html(tmp_path / "p.html")
    opened = open_page(tmp_path / "p.html")
    assert opened.errors == []
    assert opened.page.locator(".preview .o").count() == 3


def test_pictures_are_stretched_by_valid_pixels(tmp_path: Path) -> None:
    pixels = np.linspace(400, 900, 100 * 100).reshape(100, 100, 1).astype(np.uint16)
    pixels[:50] = 65535
    write_geotiff(tmp_path / "a.tif", pixels)
    shown, shape = picture(Stated(str(tmp_path), nodata=65535), "a.tif", 100)
    assert shape == (100, 100)
    assert shown[:50].max() == 0
    assert shown[50:].min() < 10
    assert shown[50:].max() > 245


def test_pictures_of_large_images_are_made_in_windows(tmp_path: Path) -> None:
    pixels = np.zeros((4300, 4200, 1), np.uint8)
    pixels[:, 2100:] = 200
    write_geotiff(tmp_path / "a.tif", pixels)
    shown, shape = picture(Stated(str(tmp_path)), "a.tif", 430)
    assert shape == (4300, 4200)
    assert shown.shape[:2] == (430, 420)
    assert (shown[:, :205] == 0).all()
    assert (shown[:, 215:] == 200).all()


@pytest.fixture
def served(geo: Path, registry: Any) -> Iterator[str]:
    server = make_server(open_dataset(geo, registry=registry))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()
    thread.join()


def get(address: str, **headers: str) -> str:
    request = urllib.request.Request(address, headers=headers)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        text: str = answer.read().decode()
        return text


def test_pictures_are_served(served: str) -> None:
    page = get(served)
    assert page.count('data-image="') == 3
    assert page.count("<path") == 3
    assert "3 images, page 1 of 1" in page
    assert get(served + "?name=b.tif").count('data-image="') == 1
    assert "No image." in get(served + "?class=99")
    assert get(served + "?page=999999999999").count('data-image="') == 3
    script = get(served + "?name=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in script


def test_nothing_else_is_served(served: str) -> None:
    for path, code in (("labels.geojson", 404), ("../../etc/passwd", 404)):
        with pytest.raises(urllib.error.HTTPError) as error:
            get(served + path)
        assert error.value.code == code
    with pytest.raises(urllib.error.HTTPError) as error:
        get(served, Host="evil.example:80")
    assert error.value.code == 403


@pytest.mark.browser
def test_the_served_page_in_a_browser(served: str, open_page: Callable[..., Any]) -> None:
    opened = open_page(served)
    opened.page.locator("#name").fill("a.tif")
    with opened.page.expect_navigation():
        opened.page.locator("#name").press("Enter")
    assert opened.page.locator(".preview[data-image]").count() == 1
    assert opened.errors == []


def test_view_serves_until_it_is_stopped(geo: Path) -> None:
    command = [sys.executable, "-m", "iqf_core.cli", "dataset", "view", str(geo), "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        assert "geo" in get(address)
        os.kill(process.pid, signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 0
    assert rest.strip() == "stopped"


# The commands


def run(*arguments: str) -> Any:
    return CliRunner().invoke(cli, ["dataset", *arguments], catch_exceptions=False)


def test_the_commands(tmp_path: Path) -> None:
    folder = write_coco(tmp_path / "d")
    sound = run("check", str(folder))
    assert sound.exit_code == 0
    assert "no problems found" in sound.output
    document = json.loads((folder / "annotations.json").read_text())
    document["annotations"][0]["bbox"] = [1, 2]
    (folder / "annotations.json").write_text(json.dumps(document))
    broken = run("check", str(folder), "--json")
    assert broken.exit_code == 1
    values = json.loads(broken.output)
    assert values["schema"] == "iqf.dataset-check/1"
    assert values["counts"] == {"error": 1, "warning": 0, "info": 0}
    assert set(values["findings"][0]) == {
        "code", "severity", "file", "object", "message", "explanation", "fix"
    }  # fmt: skip
    fixed = run("fix", str(folder), "--out", str(tmp_path / "o"), "--repair", "boxes")
    assert "box-length: 1 box of the outline" in fixed.output
    assert run("check", str(tmp_path / "o")).exit_code == 0
    assert run("fix", str(folder), "--out", str(tmp_path / "x"), "--drop", "air").exit_code == 2
    files = [tmp_path / "p.html", tmp_path / "s.json", tmp_path / "o.csv", tmp_path / "i.csv"]
    options = [f"--{name}={path}" for name, path in zip(
        ("html", "json", "csv", "images-csv"), files, strict=True)]  # fmt: skip
    assert run("stats", str(tmp_path / "o"), *options).exit_code == 0
    assert all(path.stat().st_size > 100 for path in files)
    assert "objects.area_px" in run("stats", str(folder), "--field", "area_px").output


def test_a_fix_never_writes_into_its_source(tmp_path: Path) -> None:
    from iqf_core.api import ConfigurationError, DatasetError

    folder = write_coco(tmp_path / "d")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(ConfigurationError, match="lies in the dataset"):
        run("fix", str(folder), "--out", str(folder / "o"))
    with pytest.raises(DatasetError, match="exists already"):
        run("fix", str(folder), "--out", str(tmp_path))
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["d"]


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["coco_photos", "geo_tiles"])
def test_real_data(tmp_path: Path, registry: Any, name: str) -> None:
    source = SHARED / name
    assert run("check", str(source)).exit_code == 0
    found = dataset_statistics(source, registry=registry, quiet=True)
    assert len(found.readable) == 10
    if name == "geo_tiles":
        # What the predecessor's inverted masks gave as the share of the background.
        assert found.classes[0].coverage == pytest.approx(0.0751, abs=2e-4)
    found.write_html(tmp_path / "p.html")
    assert (tmp_path / "p.html").read_text().count('class="preview"') == 10
