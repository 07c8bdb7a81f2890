"""Which way up a picture is: the orientation tag of its EXIF block.

Read here, for Pillow's EXIF reader reads the whole block for one number, warns about damage that is
none of the picture's, and fails on some of it.
"""

import struct

UPRIGHT = 1

_BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_ORIENTATION = 0x0112
_SHORT = 3
_ENTRY_BYTES = 12


def exif_orientation(exif: bytes) -> int:
    """Give the orientation, 1 to 8 (Exif 3.0, tag 0x0112), of a block with or without its prefix.

    A block that is broken, or has no such tag, says nothing: the picture is upright.
    """
    tiff = exif.removeprefix(b"Exif\0\0")
    order = _BYTE_ORDERS.get(tiff[:4])
    if order is None:
        return UPRIGHT
    try:
        (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, directory)
        for entry in range(entries):
            offset = directory + 2 + entry * _ENTRY_BYTES
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, offset)
            if tag == _ORIENTATION:
                return value if kind == _SHORT and 1 <= value <= 8 else UPRIGHT
    except struct.error:
        return UPRIGHT
    return UPRIGHT
