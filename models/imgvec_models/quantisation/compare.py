"""The table of schemes in docs/quantisation.md: `python -m imgvec_models.quantisation.compare`.

    compare TOWER.onnx OUTPUT --photos FOLDER --size 260 --scale 1 --mean 127 --std 128
    compare TOWER.onnx OUTPUT --texts FILE --tokenizer tokenizer.json

It quantises a float32 tower by each scheme, on the calibration inputs that ship, and judges it on
other photos or sentences. Times are of this process alone, beside the float32 tower's.
"""

import argparse
import sys
from pathlib import Path

import onnx

from imgvec.encoders.manifest import ImageInput, Preprocessing, TextInput
from imgvec_models.calibration.feeds import image_feeds, text_feeds
from imgvec_models.graphs.fuse import fuse
from imgvec_models.graphs.run import Feed
from imgvec_models.quantisation.judge import judge
from imgvec_models.quantisation.scheme import SCHEMES


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="compare", description=__doc__)
    parser.add_argument("tower", type=Path)
    parser.add_argument("output")
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--scale", type=float, default=1 / 255)
    parser.add_argument("--mean", type=float, nargs=3, default=(0.48145466, 0.4578275, 0.40821073))
    parser.add_argument("--std", type=float, nargs=3, default=(0.26862954, 0.26130258, 0.27577711))
    parser.add_argument("--texts", type=Path, help="one sentence a line")
    parser.add_argument("--tokenizer", type=Path)
    parser.add_argument("--tokens", type=int, default=77)
    parser.add_argument("--calibrate", type=int, help="on so many of the inputs that ship")
    parser.add_argument("--schemes", nargs="+", choices=SCHEMES, default=list(SCHEMES))
    return parser.parse_args()


def _feeds(arguments: argparse.Namespace) -> tuple[list[Feed], list[Feed]]:
    """Calibration inputs, and those to judge on."""
    if arguments.photos:
        preprocessing = Preprocessing(
            version=1,
            size=arguments.size,
            resize="bicubic",
            crop="centre",
            rescale_factor=arguments.scale,
            image_mean=tuple(arguments.mean),
            image_std=tuple(arguments.std),
        )
        names = ImageInput(input="pixel_values", tokens=1)
        return image_feeds(preprocessing, names), image_feeds(
            preprocessing, names, arguments.photos
        )
    text = TextInput(
        ids="input_ids", mask="attention_mask", max_tokens=arguments.tokens, max_characters=8192
    )
    lines = arguments.texts.read_text(encoding="utf-8").splitlines()
    return text_feeds(arguments.tokenizer, text), text_feeds(arguments.tokenizer, text, lines)


def main() -> None:
    """Print the table, one scheme at a time."""
    arguments = _arguments()
    calibration, inputs = _feeds(arguments)
    if arguments.calibrate:
        calibration = calibration[:: max(1, len(calibration) // arguments.calibrate)]
    tower = onnx.load(arguments.tower)
    kept = [one for one in tower.graph.output if one.name == arguments.output]
    del tower.graph.output[:]
    tower.graph.output.extend(kept)
    tower = fuse(tower, calibration[0])
    for scheme in arguments.schemes:
        judgement = judge(tower, arguments.output, calibration, inputs, scheme)
        sys.stdout.write(f"| {scheme} | {judgement} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
