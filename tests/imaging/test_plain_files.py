"""JPEG and PNG files as people have them."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from iqf_core.errors import ConfigurationError, ImageError
from iqf_core.imaging.header import read_header
from iqf_core.imaging.image import Image, ImageMetadata
from iqf_core.imaging.reading import open_image, read_image
from iqf_core.imaging.windows import Window
from iqf_core.imaging.writing import write_image

Picture = NDArray[np.uint8]


def encoded(picture: Pillow.Image, name: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, name, **options)
    return stream.getvalue()


def test_png_is_read_as_rgb_exactly(tmp_path: Path, picture: Picture) -> None:
    path = tmp_path / "a.png"
    Pillow.fromarray(picture).save(path)
    image = read_image(path)
    assert np.array_equal(image.pixels, picture)
    assert image.peak == 255
    assert image.band_names == ("red", "green", "blue")
    assert image.mask is None
    assert image.valid.shape == (48, 64)


def test_jpeg_is_read_as_rgb_and_agrees_with_another_decoder(
    tmp_path: Path, picture: Picture
) -> None:
    path = tmp_path / "a.JPG"
    Pillow.fromarray(picture).save(path, "JPEG", quality=95)
    image = read_image(path)
    with Pillow.open(path) as other:
        reference = np.asarray(other).astype(int)
    # Both are libjpeg-turbo; builds may differ by a level in the chroma upsampling.
    assert np.abs(image.pixels - reference).max() <= 2
    assert np.abs(image.pixels.astype(int) - picture).max() < 20


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_png_round_trip_by_our_writer(tmp_path: Path, picture: Picture, mode: str) -> None:
    pixels = np.asarray(Pillow.fromarray(picture).convert(mode)).reshape(48, 64, -1)
    write_image(tmp_path / "a.png", Image(pixels, peak=255))
    with Pillow.open(tmp_path / "a.png") as other:
        assert other.mode == mode
        assert np.array_equal(np.asarray(other).reshape(pixels.shape), pixels)
    assert np.array_equal(read_image(tmp_path / "a.png").pixels, pixels)


@pytest.mark.parametrize(("name", "suffix"), [("JPEG", ".jpg"), ("PNG", ".png")])
@pytest.mark.parametrize("orientation", [3, 6])
def test_exif_rotation_is_not_applied(
    tmp_path: Path, picture: Picture, name: str, suffix: str, orientation: int
) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    plain, rotated = tmp_path / f"plain{suffix}", tmp_path / f"rotated{suffix}"
    Pillow.fromarray(picture).save(plain, name)
    Pillow.fromarray(picture).save(rotated, name, exif=exif)
    assert read_header(rotated).shape == (48, 64, 3)
    assert np.array_equal(read_image(rotated).pixels, read_image(plain).pixels)


@pytest.mark.parametrize("transparency", [None, 0])
def test_palettes_are_expanded(tmp_path: Path, picture: Picture, transparency: int | None) -> None:
    path = tmp_path / "palette.png"
    indexed = Pillow.fromarray(picture).convert("P")
    options = {} if transparency is None else {"transparency": transparency}
    indexed.save(path, **options)
    image = read_image(path)
    with Pillow.open(path) as other:
        expected = np.asarray(other.convert("RGB" if transparency is None else "RGBA"))
    assert np.array_equal(image.pixels, expected)
    assert read_header(path).bands == expected.shape[2]


def test_one_bit_png_becomes_0_and_255(tmp_path: Path, picture: Picture) -> None:
    path = tmp_path / "bits.png"
    Pillow.fromarray(picture).convert("1").save(path)
    image = read_image(path)
    assert image.shape == (48, 64, 1)
    assert set(np.unique(image.pixels)) == {0, 255}
    assert image.peak == 255


def test_gray_with_alpha_has_two_bands(tmp_path: Path, picture: Picture) -> None:
    path = tmp_path / "gray-alpha.png"
    gray_alpha = Pillow.fromarray(picture).convert("LA")
    gray_alpha.putalpha(Pillow.fromarray(picture[:, :, 1]))
    gray_alpha.save(path)
    image = read_image(path)
    assert np.array_equal(image.pixels, np.asarray(gray_alpha))
    assert image.mask is None
    assert read_header(path).bands == 2


def test_transparent_colour_becomes_an_alpha_band(tmp_path: Path, picture: Picture) -> None:
    path = tmp_path / "transparent.png"
    colour = tuple(int(value) for value in picture[0, 0])
    Pillow.fromarray(picture).save(path, transparency=colour)
    image = read_image(path)
    assert image.shape == read_header(path).shape == (48, 64, 4)
    assert image.pixels[0, 0, 3] == 0
    assert image.pixels[1, 1, 3] == 255


def test_transparent_gray_is_nodata(tmp_path: Path, picture: Picture) -> None:
    path = tmp_path / "transparent.png"
    gray = picture[:, :, 0]
    Pillow.fromarray(gray).save(path, transparency=int(gray[5, 7]))
    image = read_image(path)
    assert image.nodata == gray[5, 7]
    assert np.array_equal(image.valid, gray != gray[5, 7])


def test_adobe_cmyk_becomes_rgb(tmp_path: Path, picture: Picture) -> None:
    path = tmp_path / "cmyk.jpg"
    Pillow.fromarray(picture).convert("CMYK").save(path, quality=95)
    image = read_image(path)
    assert image.shape == read_header(path).shape == (48, 64, 3)
    assert np.abs(image.pixels.astype(int) - picture).mean() < 5


def test_four_components_without_adobes_mark_are_refused(tmp_path: Path, picture: Picture) -> None:
    data = encoded(Pillow.fromarray(picture).convert("CMYK"), "JPEG")
    (tmp_path / "cmyk.jpg").write_bytes(data.replace(b"Adobe", b"Other"))
    with pytest.raises(ImageError, match="4 components"):
        read_image(tmp_path / "cmyk.jpg")


def test_sixteen_bit_png_needs_its_peak(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    pixels = np.arange(48 * 64 * 3, dtype=np.uint16).reshape(48, 64, 3)
    cv2.imwrite(str(path), pixels[:, :, ::-1])
    with pytest.raises(ConfigurationError, match=r"deep\.png.*'peak'.*--peak"):
        open_image(path)
    assert read_header(path).peak is None
    image = read_image(path, peak=10_000)
    assert np.array_equal(image.pixels, pixels)
    assert image.peak == 10_000


def with_significant_bits(data: bytes, bits: bytes) -> bytes:
    body = b"sBIT" + bits
    chunk = struct.pack(">I", len(bits)) + body + struct.pack(">I", zlib.crc32(body))
    return data[:33] + chunk + data[33:]


def test_significant_bits_of_a_png_give_the_peak_and_survive(tmp_path: Path) -> None:
    pixels = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64, 1)
    data = encoded(Pillow.fromarray(pixels[:, :, 0]), "PNG")
    (tmp_path / "a.png").write_bytes(with_significant_bits(data, b"\x0c"))
    image = read_image(tmp_path / "a.png")
    assert image.peak == read_header(tmp_path / "a.png").peak == 4095
    write_image(tmp_path / "b.png", image.with_pixels(pixels + np.uint16(2000)))
    again = read_image(tmp_path / "b.png")
    assert again.peak == 4095
    assert np.array_equal(again.pixels, np.minimum(pixels + 2000, 4095))


def test_significant_bits_that_the_samples_contradict_are_refused(tmp_path: Path) -> None:
    pixels = np.full((8, 8), 65520, np.uint16)
    path = tmp_path / "scaled.png"
    path.write_bytes(with_significant_bits(encoded(Pillow.fromarray(pixels), "PNG"), b"\x0c"))
    with pytest.raises(ConfigurationError, match=r"12 significant bits but holds 65520.*--peak"):
        read_image(path)
    assert read_image(path, peak=65535).peak == 65535


CUTS = [1, 2, 3, 4, 8, 11, 12, 13, 30, 200, 0.25, 0.5, 0.75, -1, -10, -30, -100]


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("kind", ["baseline", "progressive", "restart", "gray", "thumbnail", "png"])
def test_truncated_files_are_refused_by_name(
    tmp_path: Path, picture: Picture, kind: str, cut: float
) -> None:
    source = Pillow.fromarray(picture)
    if kind == "png":
        data = encoded(source, "PNG")
    elif kind == "thumbnail":
        # A whole JPEG inside, with an end marker of its own.
        exif = b"Exif\0\0" + encoded(source.resize((16, 12)), "JPEG")
        data = encoded(source, "JPEG", exif=exif)
    else:
        options: dict[str, dict[str, Any]] = {
            "progressive": {"progressive": True},
            "restart": {"restart_marker_rows": 1},
        }
        data = encoded(
            source.convert("L") if kind == "gray" else source, "JPEG", **options.get(kind, {})
        )
    # Whole numbers cut from the end, negative ones keep that many bytes, fractions keep a part.
    kept = len(data) - int(cut) if cut >= 1 else -int(cut) if cut < 0 else int(cut * len(data))
    path = tmp_path / ("cut.png" if kind == "png" else "cut.jpg")
    path.write_bytes(data)
    read_image(path)
    path.write_bytes(data[:kept])
    with pytest.raises(ImageError, match=r"cut\.(jpg|png)"):
        read_image(path)


def test_every_truncation_of_a_small_picture_is_found(tmp_path: Path, picture: Picture) -> None:
    for name, suffix in (("JPEG", ".jpg"), ("PNG", ".png")):
        data = encoded(Pillow.fromarray(picture[:16, :16]), name)
        path = tmp_path / f"cut{suffix}"
        for length in range(len(data)):
            path.write_bytes(data[:length])
            with pytest.raises(ImageError):
                open_image(path)


def test_bytes_after_the_end_do_no_harm(tmp_path: Path, picture: Picture) -> None:
    for name, suffix in (("JPEG", ".jpg"), ("PNG", ".png")):
        path = tmp_path / f"a{suffix}"
        path.write_bytes(encoded(Pillow.fromarray(picture), name) + b"appended by a camera")
        assert read_image(path).shape == (48, 64, 3)


def test_a_damaged_picture_is_refused(tmp_path: Path, picture: Picture) -> None:
    data = bytearray(encoded(Pillow.fromarray(picture), "PNG"))
    data[len(data) // 2] ^= 0xFF
    path = tmp_path / "damaged.png"
    path.write_bytes(data)
    with pytest.raises(ImageError, match=r"damaged\.png"):
        read_image(path)


def test_absurd_sizes_are_refused(tmp_path: Path, picture: Picture) -> None:
    data = encoded(Pillow.fromarray(picture), "PNG")
    header = b"IHDR" + struct.pack(">II", 2**30, 2**30) + data[24:29]
    path = tmp_path / "huge.png"
    path.write_bytes(data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:])
    with pytest.raises(ImageError, match=r"huge\.png"):
        read_image(path)


def test_windows_of_a_picture_equal_the_whole(tmp_path: Path, picture: Picture) -> None:
    Pillow.fromarray(picture).save(tmp_path / "a.png")
    with open_image(tmp_path / "a.png") as reader:
        assert reader.shape == (48, 64, 3)
        window = Window(10, 20, 7, 9)
        assert np.array_equal(reader.read(window).pixels, picture[10:17, 20:29])
        with pytest.raises(ValueError, match="beyond"):
            reader.read(Window(40, 0, 9, 1))


def test_given_nodata_makes_the_mask(tmp_path: Path, picture: Picture) -> None:
    pixels = picture.copy()
    pixels[:5] = 0
    pixels[6, 6, 0] = 0
    Pillow.fromarray(pixels).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png", nodata=0)
    assert not image.valid[:5].any()
    # One band at 0 is a colour; all bands at 0 are no data.
    assert image.valid[5:].all()


def test_alpha_survives_and_is_no_mask(tmp_path: Path, picture: Picture) -> None:
    rgba = Pillow.fromarray(picture).convert("RGBA")
    rgba.putalpha(0)
    rgba.save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.bands == 4
    assert image.mask is None


def test_pictures_need_no_rasterio(tmp_path: Path, picture: Picture) -> None:
    Pillow.fromarray(picture).save(tmp_path / "a.jpg")
    code = (
        "import sys\n"
        "from iqf_core.imaging.header import read_header\n"
        "read_header(sys.argv[1])\n"
        "assert not {'numpy', 'cv2', 'rasterio'} & set(sys.modules), 'header'\n"
        "from iqf_core.imaging.reading import read_image\n"
        "from iqf_core.imaging.writing import write_image\n"
        "write_image(sys.argv[1] + '.png', read_image(sys.argv[1]))\n"
        "assert 'rasterio' not in sys.modules, 'pixels'\n"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "a.jpg"], check=True)
    assert (tmp_path / "a.jpg.png").exists()


@pytest.mark.shared_data
def test_real_photographs_keep_their_pixels_as_png(tmp_path: Path, shared_data: Path) -> None:
    for source in sorted((shared_data / "coco_photos" / "images").iterdir()):
        image = read_image(source)
        header = read_header(source)
        assert header.shape == image.shape
        assert header.lossy
        target = tmp_path / f"{source.stem}.png"
        write_image(target, image)
        assert np.array_equal(read_image(target).pixels, image.pixels)
        assert image.metadata == ImageMetadata(driver="JPEG")
