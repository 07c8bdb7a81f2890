"""Small towers of other families than CLIP, as PyTorch exports them; writes them into golden/.

    PYTHONPATH=. .cache/peers/bin/python -m tests.support.models.family_towers

Random weights, the modules of open_clip and timm, pictures of 64 pixels and texts of 12 tokens.
`_static` has a batch of one and opset 19, as immich's exports have; the others take any batch.
small_families.py reads them, and needs no PyTorch.
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from open_clip.hf_model import HFTextEncoder
from open_clip.modified_resnet import ModifiedResNet
from open_clip.transformer import TextTransformer
from timm.layers import GELUTanh
from timm.models.fastvit import FastVit
from timm.models.vision_transformer import VisionTransformer
from timm.utils import reparameterize_model
from torch import nn
from transformers import XLMRobertaConfig

GOLDEN = Path(__file__).parent / "golden"
SIDE, TOKENS, VOCABULARY, JOINT = 64, 12, 64, 16


def siglip_image() -> nn.Module:
    """A vision transformer without a class token, whose attention pools."""
    return VisionTransformer(
        img_size=SIDE,
        patch_size=16,
        embed_dim=JOINT,
        depth=2,
        num_heads=2,
        class_token=False,
        global_pool="map",
        num_classes=0,
        act_layer=GELUTanh,
    )


def siglip_text() -> nn.Module:
    """A text transformer without a mask, read at its last position."""
    return TextTransformer(
        context_length=TOKENS,
        vocab_size=VOCABULARY,
        width=JOINT,
        heads=2,
        layers=2,
        output_dim=JOINT,
        no_causal_mask=True,
        pool_type="last",
        proj_bias=True,
        act_layer=lambda: nn.GELU(approximate="tanh"),
    )


def xlmr_text() -> nn.Module:
    """XLM-R, which finds the padding itself, and the mean of what is none."""
    with TemporaryDirectory() as folder:
        XLMRobertaConfig(
            vocab_size=VOCABULARY,
            hidden_size=JOINT,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=TOKENS + 2,
            type_vocab_size=1,
        ).save_pretrained(folder)
        return HFTextEncoder(
            folder, JOINT, pooler_type="mean_pooler", proj_type="mlp", pretrained=False
        )


def resnet_image() -> nn.Module:
    """CLIP's ResNet, which ends in attention that pools."""
    return ModifiedResNet(layers=[1, 1, 1, 1], output_dim=JOINT, heads=2, image_size=SIDE, width=2)


def fastvit_image() -> nn.Module:
    """MobileCLIP's image tower: depthwise kernels, GELU, attention in the last stage."""
    tower = FastVit(
        layers=(1, 1, 1, 1),
        token_mixers=("repmixer", "repmixer", "repmixer", "attention"),
        embed_dims=(4, 8, 16, 32),
        pos_embs=(None, None, None, None),
        num_classes=JOINT,
    )
    return reparameterize_model(tower)


TOWERS: dict[str, Callable[[], nn.Module]] = {
    "siglip_image": siglip_image,
    "siglip_image_static": siglip_image,
    "siglip_text": siglip_text,
    "xlmr_text": xlmr_text,
    "resnet_image": resnet_image,
    "fastvit_image": fastvit_image,
}


def write(name: str) -> None:
    """Export one tower."""
    torch.manual_seed(0)
    torch.backends.mha.set_fastpath_enabled(False)
    tower = TOWERS[name]().eval()
    bare = tower.forward
    # The exporter calls a model by its `forward`.
    tower.forward = lambda taken: nn.functional.normalize(bare(taken), dim=-1)
    static = name.endswith("_static")
    with torch.no_grad():
        for parameter in tower.parameters():
            # Wider than at the start of a training, where all pictures get nearly one vector.
            if parameter.ndim > 1:
                parameter.mul_(1.5)
        example = torch.rand(1 if static else 2, 3, SIDE, SIDE)
        taken = "image"
        if "text" in name:
            taken, example = "text", torch.randint(3, VOCABULARY, (2, TOKENS), dtype=torch.int32)
        torch.onnx.export(
            tower,
            (example,),
            str(GOLDEN / f"{name}.onnx"),
            dynamo=False,
            opset_version=19 if static else 17,
            input_names=[taken],
            output_names=["embedding"],
            dynamic_axes=None if static else {taken: {0: "n"}, "embedding": {0: "n"}},
        )


if __name__ == "__main__":
    for name in TOWERS:
        write(name)
