"""A peer in its own environment: reads paths of photos, writes the milliseconds each one took.

PYTHON peer_worker.py {fastembed,infinity,transformers} FOLDER. It imports nothing of imgvec. FOLDER
has CLIP's image tower as `model.onnx` and its `preprocessor_config.json`.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path


def fastembed(folder: Path) -> Callable[[Path], object]:
    """Qdrant's fastembed on the float32 ONNX file, as its documents use it."""
    from fastembed import ImageEmbedding

    name = "Qdrant/clip-ViT-B-32-vision"
    model = ImageEmbedding(name, specific_model_path=str(folder), threads=1)
    return lambda path: next(iter(model.embed([path])))


def transformers(folder: Path) -> Callable[[Path], object]:
    """Hugging Face transformers on torch, float32, its fast image processor; random weights."""
    import torch
    from PIL import Image
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.set_num_threads(1)
    model = CLIPVisionModelWithProjection(CLIPVisionConfig(projection_dim=512)).eval()
    processor = CLIPImageProcessor.from_pretrained(folder)

    def embed(path: Path) -> object:
        with torch.inference_mode():
            image = Image.open(path).convert("RGB")
            return model(**processor(image, return_tensors="pt")).image_embeds.numpy()

    return embed


def infinity(folder: Path) -> Callable[[Path], object]:
    """The engine of infinity's server on torch, float32, without its HTTP; random weights."""
    import torch
    from infinity_emb import AsyncEmbeddingEngine, EngineArgs

    torch.set_num_threads(1)
    arguments = EngineArgs(
        model_name_or_path=str(_whole_clip(folder)),
        engine="torch",
        device="cpu",
        dtype="float32",
        model_warmup=False,
    )
    engine = AsyncEmbeddingEngine.from_args(arguments)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(engine.astart())
    return lambda path: loop.run_until_complete(engine.image_embed(images=[path.read_bytes()]))


def _whole_clip(folder: Path) -> Path:
    """Both towers with random weights and a tokenizer of two tokens, which no image is read by."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor
    from transformers import CLIPTokenizerFast as Tokenizer

    whole = folder / "whole"
    CLIPModel(CLIPConfig()).save_pretrained(whole)
    (whole / "vocab.json").write_text('{"<|startoftext|>": 0, "<|endoftext|>": 1}')
    (whole / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = Tokenizer(str(whole / "vocab.json"), str(whole / "merges.txt"))
    CLIPProcessor(CLIPImageProcessor.from_pretrained(folder), tokenizer).save_pretrained(whole)
    return whole


PEERS = {"fastembed": fastembed, "infinity": infinity, "transformers": transformers}


def main() -> None:
    embed = PEERS[sys.argv[1]](Path(sys.argv[2]))
    print("ready", flush=True)
    for line in sys.stdin:
        started = time.perf_counter()
        embed(Path(line.strip()))
        print((time.perf_counter() - started) * 1000, flush=True)
    # A peer's own threads may wait for more, and nothing is left to be written.
    os._exit(0)


if __name__ == "__main__":
    main()
