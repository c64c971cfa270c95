"""Files that are not what they claim to be get one clear line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image as Pillow

from iqf_core.errors import ImageError
from iqf_core.imaging.header import IMAGE_SUFFIXES, is_image_name, read_header
from iqf_core.imaging.reading import open_image

Reader = Callable[[Path], object]

VRT = """<VRTDataset rasterXSize="4" rasterYSize="4"><VRTRasterBand dataType="Byte" band="1">
<SimpleSource><SourceFilename>{secret}</SourceFilename></SimpleSource>
</VRTRasterBand></VRTDataset>"""


@pytest.fixture(params=[read_header, open_image], ids=["header", "pixels"])
def read(request: pytest.FixtureRequest) -> Reader:
    return request.param


def test_a_missing_file(tmp_path: Path, read: Reader) -> None:
    with pytest.raises(ImageError, match=r"gone\.png: cannot be read: No such file"):
        read(tmp_path / "gone.png")


def test_a_folder(tmp_path: Path, read: Reader) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ImageError, match=r"folder\.png: is a folder"):
        read(tmp_path / "folder.png")


def test_a_pipe_does_not_block(tmp_path: Path, read: Reader) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match="not a regular file"):
        read(tmp_path / "pipe.png")


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
def test_an_empty_file(tmp_path: Path, read: Reader, suffix: str) -> None:
    path = tmp_path / f"empty{suffix}"
    path.touch()
    with pytest.raises(ImageError, match="is empty"):
        read(path)


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
def test_text(tmp_path: Path, read: Reader, suffix: str) -> None:
    path = tmp_path / f"text{suffix}"
    path.write_text("not an image at all")
    with pytest.raises(ImageError, match=f"text{suffix}: is no image: it begins with b'not an"):
        read(path)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.vrt", "a.jp2", "a"])
def test_a_vrt_never_reads_the_file_it_names(tmp_path: Path, read: Reader, name: str) -> None:
    secret = tmp_path / "secret.tif"
    with rasterio.open(secret, "w", driver="GTiff", width=4, height=4, count=1, dtype="uint8") as d:
        d.write(np.full((1, 4, 4), 7, np.uint8))
    (tmp_path / name).write_text(VRT.format(secret=secret))
    with pytest.raises(ImageError, match="is no image"):
        read(tmp_path / name)


def test_a_jpeg_named_png(tmp_path: Path, read: Reader) -> None:
    Pillow.new("RGB", (8, 8)).save(tmp_path / "a.png", "JPEG")
    with pytest.raises(ImageError, match="holds JPEG although its name says PNG"):
        read(tmp_path / "a.png")


def test_a_name_that_claims_nothing_is_read_by_its_content(tmp_path: Path) -> None:
    Pillow.new("RGB", (8, 9)).save(tmp_path / "picture", "PNG")
    assert read_header(tmp_path / "picture").shape == (9, 8, 3)


def test_several_pages(tmp_path: Path, read: Reader) -> None:
    page = Pillow.new("RGB", (8, 8))
    page.save(tmp_path / "pages.tif", save_all=True, append_images=[page])
    with pytest.raises(ImageError, match="holds 2 images"):
        read(tmp_path / "pages.tif")


@pytest.mark.parametrize("dtype", ["int16", "uint32", "int32", "float64", "complex64", "int8"])
def test_other_data_types(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "a.tif"
    with rasterio.open(path, "w", driver="GTiff", width=4, height=4, count=1, dtype=dtype) as data:
        data.write(np.zeros((1, 4, 4), dtype))
    assert read_header(path).dtype == dtype
    with pytest.raises(ImageError, match=rf"holds {dtype} pixels; IQF takes uint8, uint16"):
        open_image(path, peak=1)


def test_image_names() -> None:
    assert is_image_name("A.TIFF")
    assert is_image_name("folder/a b.Jpeg")
    assert not is_image_name("a.png.aux.xml")
    assert not is_image_name("labels.csv")
    assert not is_image_name(".png")


def test_errors_name_no_more_than_one_line(tmp_path: Path, read: Reader) -> None:
    (tmp_path / "a.tif").write_bytes(b"II*\0" + bytes(range(60)))
    with pytest.raises(ImageError) as caught:
        read(tmp_path / "a.tif")
    assert "\n" not in str(caught.value)
