"""A program in the place of the decoder of AVIF and HEIC, which fails as its file says."""

import os
import sys
import time

from imgvec.images import heif_decoder
from imgvec.images.heif_decoder import FACTOR, HEADER, LENGTH, PICTURE


def main() -> None:
    """Tell a header of 64 x 64; then fail in the way that stands behind the file's last `=`."""
    given, answers = sys.stdin.buffer, sys.stdout.buffer
    (length,) = LENGTH.unpack(given.read(LENGTH.size))
    fault = given.read(length).rpartition(b"=")[2]
    heif_decoder.bound(length, 0)
    if fault != b"at once":
        answers.write(HEADER.pack(64, 64, 1, 1))
        answers.flush()
        given.read(FACTOR.size)
    while fault == b"work":
        pass
    while fault == b"wait":
        time.sleep(1)
    if fault == b"memory":
        answers.write(bytes(heif_decoder.BASE_BYTES + (1 << 20)))
    if fault == b"shape":
        answers.write(PICTURE.pack(True, 128, 128) + bytes(3 * 128 * 128))
    if fault == b"crash":
        os.abort()


if __name__ == "__main__":
    main()
