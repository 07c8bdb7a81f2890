"""A CLIP encoder's blocks, as transformers' eager attention is exported."""

from imgvec_benchmarks.shapes.nodes import Nodes
from imgvec_benchmarks.shapes.sizes import Transformer
from imgvec_benchmarks.shapes.weights import Weights

EPSILON = 1e-5
QUERY_GAIN = 1.5
"""Above 1, so that attention has favourites; at 1 every token would see the same average."""
BRANCH_GAIN = 0.5
"""Below 1, so that the residual stream grows slowly with depth."""


def linear(
    nodes: Nodes, weights: Weights, name: str, x: str, inputs: int, outputs: int, gain: float = 1.0
) -> str:
    """x W + b, as MatMul and Add."""
    weight, bias = weights.linear(inputs, outputs, gain)
    product = nodes.op(
        "MatMul", [x, nodes.weight(f"onnx::MatMul_{len(nodes.nodes)}", weight)], f"{name}/MatMul"
    )
    parameter = name.strip("/").replace("/", ".")
    return nodes.op("Add", [nodes.weight(f"{parameter}.bias", bias), product], f"{name}/Add")


def layer_norm(nodes: Nodes, weights: Weights, name: str, x: str, width: int) -> str:
    """Layer normalisation over the last axis, in nine nodes as opset 14 has it."""
    gain, bias = weights.norm(width)
    parameter = name.strip("/").replace("/", ".")
    mean = nodes.op("ReduceMean", [x], f"{name}/ReduceMean", axes=[-1])
    centred = nodes.op("Sub", [x, mean], f"{name}/Sub")
    square = nodes.op("Pow", [centred, nodes.constant(2.0)], f"{name}/Pow")
    variance = nodes.op("ReduceMean", [square], f"{name}/ReduceMean_1", axes=[-1])
    above_zero = nodes.op("Add", [variance, nodes.constant(EPSILON)], f"{name}/Add")
    deviation = nodes.op("Sqrt", [above_zero], f"{name}/Sqrt")
    unit = nodes.op("Div", [centred, deviation], f"{name}/Div")
    scaled = nodes.op("Mul", [unit, nodes.weight(f"{parameter}.weight", gain)], f"{name}/Mul")
    return nodes.op("Add", [scaled, nodes.weight(f"{parameter}.bias", bias)], f"{name}/Add_1")


def attention(
    nodes: Nodes, weights: Weights, name: str, x: str, size: Transformer, mask: str | None
) -> str:
    """Self-attention over `[n, t, width]`; `mask` `[n, 1, t, t]` is added to the scores."""
    width, head = size.width, size.width // size.heads
    query = linear(nodes, weights, f"{name}/q_proj", x, width, width, QUERY_GAIN)
    query = nodes.op("Mul", [query, nodes.constant(head**-0.5)], f"{name}/Mul")
    key = linear(nodes, weights, f"{name}/k_proj", x, width, width, QUERY_GAIN)
    value = linear(nodes, weights, f"{name}/v_proj", x, width, width)
    batch, length = _dimension(nodes, x, 0, name), _dimension(nodes, x, 1, name)

    def heads(tensor: str, part: str) -> str:
        """[n, t, width] to [n * heads, t, head]."""
        shape = _shape(nodes, [batch, length, size.heads, head], f"{name}/{part}_4d")
        split = nodes.op("Reshape", [tensor, shape], f"{name}/{part}_Reshape")
        turned = nodes.op("Transpose", [split], f"{name}/{part}_Transpose", perm=[0, 2, 1, 3])
        flat = _shape(nodes, [-1, length, head], f"{name}/{part}_3d")
        return nodes.op("Reshape", [turned, flat], f"{name}/{part}_Reshape_1")

    query, key, value = heads(query, "q"), heads(key, "k"), heads(value, "v")
    turned = nodes.op("Transpose", [key], f"{name}/Transpose_kt", perm=[0, 2, 1])
    scores = nodes.op("MatMul", [query, turned], f"{name}/MatMul")
    if mask is not None:
        apart = _shape(nodes, [batch, size.heads, length, length], f"{name}/apart")
        scores = nodes.op("Reshape", [scores, apart], f"{name}/Reshape_apart")
        scores = nodes.op("Add", [scores, mask], f"{name}/Add_mask")
        together = _shape(nodes, [-1, length, length], f"{name}/together")
        scores = nodes.op("Reshape", [scores, together], f"{name}/Reshape_together")
    shares = nodes.op("Softmax", [scores], f"{name}/Softmax", axis=-1)
    mixed = nodes.op("MatMul", [shares, value], f"{name}/MatMul_1")
    split = _shape(nodes, [batch, size.heads, length, head], f"{name}/split")
    mixed = nodes.op("Reshape", [mixed, split], f"{name}/Reshape_3")
    mixed = nodes.op("Transpose", [mixed], f"{name}/Transpose_3", perm=[0, 2, 1, 3])
    merged = _shape(nodes, [batch, length, width], f"{name}/merged")
    mixed = nodes.op("Reshape", [mixed, merged], f"{name}/Reshape_4")
    return linear(nodes, weights, f"{name}/out_proj", mixed, width, width, BRANCH_GAIN)


def encoder(
    nodes: Nodes, weights: Weights, name: str, x: str, size: Transformer, mask: str | None = None
) -> str:
    """All blocks over `[n, t, width]`."""
    for number in range(size.layers):
        layer = f"{name}/encoder/layers.{number}"
        normed = layer_norm(nodes, weights, f"{layer}/layer_norm1", x, size.width)
        mixed = attention(nodes, weights, f"{layer}/self_attn", normed, size, mask)
        x = nodes.op("Add", [x, mixed], f"{layer}/Add")
        normed = layer_norm(nodes, weights, f"{layer}/layer_norm2", x, size.width)
        inner = linear(
            nodes, weights, f"{layer}/mlp/fc1", normed, size.width, size.expansion * size.width
        )
        inner = _quick_gelu(nodes, f"{layer}/mlp/activation_fn", inner)
        outer = linear(
            nodes,
            weights,
            f"{layer}/mlp/fc2",
            inner,
            size.expansion * size.width,
            size.width,
            BRANCH_GAIN,
        )
        x = nodes.op("Add", [x, outer], f"{layer}/Add_1")
    return x


def _quick_gelu(nodes: Nodes, name: str, x: str) -> str:
    """x sigmoid(1.702 x): OpenAI's approximation of GELU."""
    sharper = nodes.op("Mul", [x, nodes.constant(1.702)], f"{name}/Mul")
    gate = nodes.op("Sigmoid", [sharper], f"{name}/Sigmoid")
    return nodes.op("Mul", [x, gate], f"{name}/Mul_1")


def _dimension(nodes: Nodes, x: str, axis: int, name: str) -> str:
    """One dimension of a tensor, read when the graph runs."""
    shape = nodes.op("Shape", [x], f"{name}/Shape_{axis}")
    return nodes.op("Gather", [shape, nodes.constant(axis)], f"{name}/Gather_{axis}", axis=0)


def _shape(nodes: Nodes, parts: list[str | int], name: str) -> str:
    """A shape of constants and of dimensions read when the graph runs."""
    pieces = [
        nodes.op("Unsqueeze", [part, nodes.constant([0])], f"{name}/Unsqueeze_{place}")
        if isinstance(part, str)
        else nodes.constant([part])
        for place, part in enumerate(parts)
    ]
    return nodes.op("Concat", pieces, f"{name}/Concat", axis=0)
