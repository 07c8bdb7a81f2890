"""AVIF and HEIC for tests; Pillow and pillow-heif write them."""

import base64
import io
import struct

import pillow_heif
from PIL import Image

from tests.support.images.pictures import encoded

DEEP_AVIF = {
    bits: base64.b85decode(text)
    for bits, text in {
        10: "0000WW^{RQVRmU|00000VRmU|ZE0pPZE0a<O+hh10002%ZDn*}000000000XXk=`10000000000aA{+7000"
        "000000000000000004sdC7Z2$lO000310016oY;R)#0000)000310RR910RR926951JDgXcgC~0YKW&i*H00031"
        "000_kZf0cy000000RRADb}%tRZ)|UJ00000YH4tCZ~y=ROKEUpZvX%Q6lrsCWdHyG000007ytkO5C8xG5O8UDX#"
        "fBK00RmN3IG5A3}JRLLxCVb000006Ju{|a&BX6cmM(b0ssbp0000NX>e^}0000000001009I60)qqq001&=WMOm"
        "?015~=5by0^KtR$m97OP#$)Hh17r+1juEidf0$>^)hB#Dr5L_qhfB",
        12: "0000SW^{RQVRmU|00000VRmU|ZE0pPZE0a<0002%ZDn*}000000000XXk=`10000000000aA{+7000000000"
        "000000000004sdC7Z2$lO000310016oY;R)#0000)000310RR910RR924*&oFEC2uiC~0YKW&i*H00031000_kZ"
        "f0cy000000RRADb}%tRZ)|UJ00000YH4tCZ~y=ROKEUpZvX%Q6lrsCWdHyG000007ytkO5C8xG5O8UDX#fBK00R"
        "sR3;+NC3}JRLLxDhG000006Ju{|a&BX6cmM(b0ssbp0000NX>e^}0000000001009I60)qqq001;?WMOm?0163M"
        "5by115D+v#G95(ln8~0~MHj#T0ItMojsfr7Tfh5bu{pNY!hXm",
    }.items()
}
"""Of so many bits: 24 x 16, (200, 30, 40) on the left, (20, 60, 220) on the right. Made once by
libavif's encoder, since Pillow writes 8 bits only."""


def avif(image: Image.Image, **options: object) -> bytes:
    """An AVIF of 8 bits."""
    return encoded(image, "AVIF", **{"speed": 10, "quality": 95, "max_threads": 1, **options})


def heic(image: Image.Image, *more: Image.Image, **options: object) -> bytes:
    """A HEIC of 8 bits, or of several images."""
    file = pillow_heif.from_pillow(image)
    for one in more:
        file.add_from_pillow(one)
    return _saved(file, **options)


def heic_of_samples(mode: str, size: tuple[int, int], samples: bytes, **options: object) -> bytes:
    """A HEIC of samples as pillow-heif takes them, of 16 bits or multiplied with their alpha."""
    return _saved(pillow_heif.from_bytes(mode, size, samples), **options)


def _saved(file: pillow_heif.HeifFile, **options: object) -> bytes:
    buffer = io.BytesIO()
    # Quickest, and nothing to standard error.
    file.save(buffer, **{"quality": 95, "enc_params": {"preset": "ultrafast"}, **options})
    return buffer.getvalue()


def said_smaller(data: bytes, width: int, height: int) -> bytes:
    """The same file with another size in its header."""
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", width, height) + data[at + 8 :]


WRITERS = {"avif": avif, "heic": heic}
