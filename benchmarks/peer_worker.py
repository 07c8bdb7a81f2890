"""A peer in its own environment: reads paths of photos, writes the milliseconds each one took.

PYTHON peer_worker.py {fastembed,transformers} MODEL_FOLDER. It imports nothing of imgvec.
"""

import sys
import time
from collections.abc import Callable


def fastembed(folder: str) -> Callable[[str], object]:
    """Qdrant's fastembed on the float32 ONNX file, as its documents use it."""
    from fastembed import ImageEmbedding

    model = ImageEmbedding("Qdrant/clip-ViT-B-32-vision", specific_model_path=folder, threads=1)
    return lambda path: next(iter(model.embed([path])))


def transformers(folder: str) -> Callable[[str], object]:
    """Hugging Face transformers on torch, float32, its fast image processor; random weights."""
    import torch
    from PIL import Image
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.set_num_threads(1)
    model = CLIPVisionModelWithProjection(CLIPVisionConfig(projection_dim=512)).eval()
    processor = CLIPImageProcessor.from_pretrained(folder)

    def embed(path: str) -> object:
        with torch.inference_mode():
            image = Image.open(path).convert("RGB")
            return model(**processor(image, return_tensors="pt")).image_embeds.numpy()

    return embed


PEERS = {"fastembed": fastembed, "transformers": transformers}


def main() -> None:
    """Load, say so, then answer one line with one line."""
    embed = PEERS[sys.argv[1]](sys.argv[2])
    print("ready", flush=True)
    for line in sys.stdin:
        started = time.perf_counter()
        embed(line.strip())
        print((time.perf_counter() - started) * 1000, flush=True)


if __name__ == "__main__":
    main()
