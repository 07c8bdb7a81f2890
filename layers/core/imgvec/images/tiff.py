"""TIFF and little-endian BigTIFF, as Pillow and libtiff decode them, without their surprises.

`tiff_directory` keeps the tags that are needed, `tiff_layouts` has the table of what is read, and
`tiff_grey` says how samples of more than 8 bits become 8.
"""

from typing import Final

from PIL import Image
from PIL.ImageFile import _Tile
from PIL.TiffImagePlugin import TiffImageFile

from imgvec.errors import TooLarge
from imgvec.images.opened import CountedFile, PillowFile, too_many_frames
from imgvec.images.tiff_directory import (
    COMPRESSION,
    FILL_ORDER,
    GDAL_NODATA,
    IMAGE_LENGTH,
    IMAGE_WIDTH,
    PHOTOMETRIC,
    PLANAR,
    SAMPLE_FORMAT,
    SAMPLES_PER_PIXEL,
    STRIP_OFFSETS,
    TILE_LENGTH,
    TILE_OFFSETS,
    TILE_WIDTH,
    Directory,
)
from imgvec.images.tiff_grey import as_grey
from imgvec.images.tiff_layouts import (
    BLACK_IS_ZERO,
    FLOAT,
    LZW,
    SEPARATE,
    SIGNED,
    UNSIGNED,
    Layout,
)

MAX_PIECES: Final = 100_000
"""Strips or tiles of a TIFF. One of 50 megapixels in rows of their own has about 7,000."""

MAX_DECODED: Final = 2
"""How many times the pixels of a TIFF its strips or tiles may have. Tiles of a usual size pass the
edges of a large picture by a few hundredths."""


class _Image(TiffImageFile):
    """One page, of a layout that is read."""

    def __init__(self, file: CountedFile, layout: Layout) -> None:
        """Read the one directory of the file."""
        self._layout = layout
        super().__init__(file)

    def _setup(self) -> None:
        """Ask Pillow for the layouts that it reads rightly, in the place of those it mistakes."""
        layout, tags = self._layout, self.tag_v2
        if layout.by_libtiff and tags.get(COMPRESSION, 1) == 1:
            # Pillow hands whatever is compressed to libtiff, which reads the file's own tag.
            tags[COMPRESSION] = LZW
        tags[FILL_ORDER] = 1
        if not layout.planes:
            tags[PLANAR] = 1
        if layout.is_deep_grey or layout.colours == BLACK_IS_ZERO:
            tags[PHOTOMETRIC] = BLACK_IS_ZERO
        if layout.is_wide and layout.format != FLOAT:
            tags[SAMPLE_FORMAT] = (UNSIGNED if layout.bits == 8 else SIGNED,)
        super()._setup()
        if self.use_load_libtiff:
            self.tile = [_in_native_order(tile) for tile in self.tile]


class TiffFile(PillowFile):
    """A TIFF: its first page."""

    image: TiffImageFile

    def __init__(self, data: bytes) -> None:
        """Read the first directory.

        Raises:
            NotAnImage: its layout is none that is read; the message names it.
            TooLarge: it has more strips or tiles than any picture needs.
        """
        directory = Directory(data)
        # Pillow makes an object of each, whatever the height of the picture.
        if max(directory.count(tag) for tag in (STRIP_OFFSETS, TILE_OFFSETS)) > MAX_PIECES:
            raise TooLarge
        self._directory = directory
        self._layout = Layout.of(directory)
        self._layout.judge()
        file = CountedFile(directory.file())
        super().__init__(_Image(file, self._layout), directory.orientation())

    def judge(self, most_pixels: int, max_frames: int) -> None:
        """Judge the pixels that are decoded for the first page, and the number of pages."""
        tags = self.image.tag_v2
        tile = tags.get(TILE_WIDTH, 0) * tags.get(TILE_LENGTH, 0)
        if tile > most_pixels or _decoded(self.image) > MAX_DECODED * most_pixels:
            raise TooLarge
        if self._directory.pages(max_frames) > max_frames:
            raise too_many_frames(max_frames)

    def _reduced(self, factor: int) -> Image.Image:
        if not self._layout.is_deep_grey:
            return super()._reduced(factor)
        return as_grey(self.image, self._layout, self._directory.text(GDAL_NODATA), factor)


def _in_native_order(tile: _Tile) -> _Tile:
    """Libtiff gives samples in the byte order of the machine."""
    if not isinstance(tile.args, tuple) or not tile.args[0].startswith(("I;", "F;")):
        return tile
    return tile._replace(args=(tile.args[0].replace("B", "N"), *tile.args[1:]))


def _decoded(image: TiffImageFile) -> int:
    """Pixels of all strips and tiles: they may share their bytes, overlap and pass the edges."""
    tags = image.tag_v2
    if TILE_WIDTH in tags and TILE_LENGTH in tags:
        wide, high = tags[TILE_WIDTH], tags[TILE_LENGTH]
        across, down = -(-tags[IMAGE_WIDTH] // wide), -(-tags[IMAGE_LENGTH] // high)
        return int(wide * high * across * down)
    pieces = (tile.extents for tile in image.tile if tile.extents is not None)
    pixels = sum((right - left) * (lower - upper) for left, upper, right, lower in pieces)
    planes = tags.get(SAMPLES_PER_PIXEL, 1) if tags.get(PLANAR) == SEPARATE else 1
    return pixels // max(1, int(planes))
