"""TorchScript archives without PyTorch: what `torch.jit.save` writes of a module's tensors.

The opcodes are those of torch/csrc/jit/serialization/pickler.cpp; `golden/traced.pt` of the unit
tests is a file that PyTorch itself wrote.
"""

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imgvec_models.shapes.sizes import Clip

Tensors = Mapping[str, NDArray[np.generic]]
STORAGES = {"<f2": b"HalfStorage", "<f4": b"FloatStorage", "<i8": b"LongStorage"}
TUPLE, MARK, REDUCE, BUILD, EMPTY_TUPLE, EMPTY_DICT = b"t", b"(", b"R", b"b", b")", b"}"


def write_archive(path: Path, tensors: Tensors) -> None:
    """Write tensors, named by their path in the tree of modules."""
    values: list[bytes] = []
    tree: dict[str, object] = {}
    for name, array in tensors.items():
        *parents, leaf = name.split(".")
        node = tree
        for parent in parents:
            child = node.setdefault(parent, {})
            assert isinstance(child, dict)
            node = child
        node[leaf] = array
    pickled = b"\x80\x02" + _module(tree, values) + b"."
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("clip/data.pkl", pickled)
        archive.writestr("clip/code/__torch__.py", "raise SystemExit('code of the archive ran')")
        archive.writestr("clip/version", "3\n")
        for key, data in enumerate(values):
            archive.writestr(f"clip/data/{key}", data)


def name_global(module: bytes, name: bytes) -> bytes:
    """The opcode that names a constructor."""
    return b"c" + module + b"\n" + name + b"\n"


def random_state(clip: Clip, seed: int = 0, dtype: str = "<f2") -> dict[str, NDArray[np.generic]]:
    """Random tensors under the names and in the shapes of OpenAI's `state_dict`."""
    random = np.random.default_rng(seed)
    image, text = clip.image.width, clip.text.width
    shapes: dict[str, tuple[int, ...]] = {
        "visual.class_embedding": (image,),
        "visual.positional_embedding": (1 + clip.patches, image),
        "visual.proj": (image, clip.joint),
        "visual.conv1.weight": (image, 3, clip.patch, clip.patch),
        "token_embedding.weight": (clip.vocabulary, text),
        "positional_embedding": (clip.positions, text),
        "text_projection": (text, clip.joint),
        "logit_scale": (),
    }
    norms = {"visual.ln_pre": image, "visual.ln_post": image, "ln_final": text}
    for tower, size in (("visual.", clip.image), ("", clip.text)):
        for number in range(size.layers):
            block, width = f"{tower}transformer.resblocks.{number}", size.width
            norms |= {f"{block}.ln_1": width, f"{block}.ln_2": width}
            linear: dict[str, tuple[int, ...]] = {
                "attn.in_proj_": (3 * width, width),
                "attn.out_proj.": (width, width),
                "mlp.c_fc.": (4 * width, width),
                "mlp.c_proj.": (width, 4 * width),
            }
            for part, shape in linear.items():
                shapes[f"{block}.{part}weight"] = shape
                shapes[f"{block}.{part}bias"] = shape[:1]
    tensors: dict[str, NDArray[np.generic]] = {}
    for name, shape in shapes.items():
        deviation = 0.1 if len(shape) < 2 else shape[-1] ** -0.5
        values = random.standard_normal(shape, np.float32) * np.float32(deviation)
        tensors[name] = np.asarray(values, dtype)
    for name, width in norms.items():
        tensors[f"{name}.weight"] = (1 + 0.1 * random.standard_normal(width)).astype("<f4")
        tensors[f"{name}.bias"] = (0.1 * random.standard_normal(width)).astype("<f4")
    return tensors


def _module(tree: Mapping[str, object], values: list[bytes]) -> bytes:
    state = EMPTY_DICT + MARK + _text("training") + b"\x89"
    for name, value in tree.items():
        state += _text(name)
        if isinstance(value, np.ndarray):
            state += _tensor(value, values)
        else:
            assert isinstance(value, dict)
            state += _module(value, values)
    made = name_global(b"__torch__.multimodal.model", b"Module") + EMPTY_TUPLE + b"\x81"
    return made + state + b"u" + BUILD


def _tensor(array: NDArray[np.generic], values: list[bytes]) -> bytes:
    key = str(len(values))
    values.append(np.ascontiguousarray(array).tobytes())
    storage = MARK + _text("storage") + name_global(b"torch", STORAGES[array.dtype.str])
    storage += _text(key) + _text("cpu") + _number(array.size) + TUPLE + b"Q"
    strides = [step // array.itemsize for step in np.ascontiguousarray(array).strides]
    hooks = name_global(b"collections", b"OrderedDict") + EMPTY_TUPLE + REDUCE
    arguments = storage + _number(0) + _numbers(array.shape) + _numbers(strides[: array.ndim])
    rebuild = name_global(b"torch._utils", b"_rebuild_tensor_v2")
    return rebuild + MARK + arguments + b"\x89" + hooks + TUPLE + REDUCE


def _numbers(numbers: tuple[int, ...] | list[int]) -> bytes:
    return MARK + b"".join(_number(one) for one in numbers) + TUPLE


def _number(number: int) -> bytes:
    return b"J" + struct.pack("<i", number)


def _text(text: str) -> bytes:
    return b"X" + struct.pack("<I", len(text.encode())) + text.encode()
