#!/usr/bin/env python3
"""Every layer's output of small BERT encoders with random weights, as PyTorch computes it.

usage: make_encoder_layers.py OUT_FOLDER      (tests/golden/encoder)
made with: torch 1.13.1, transformers 4.44.2, numpy 1.26.4 (CPU)

Weights come from a counter and splitmix64's finaliser, so that tests/unit/test_encoder.c makes the same ones and only
outputs are stored: <shape>.f32 is little-endian float32, [sequence][layer 0 (embeddings) ... n_layers][token][hidden].
The shapes, sequences and the order of tensors below are repeated in that test; change both.
"""
import sys
import numpy as np
import torch
from transformers import BertConfig, BertModel

SHAPES = {  # hidden, layers, heads, intermediate, types, offset, eps, activation
    "head32": (64, 2, 2, 128, 2, 0, 1e-12, "gelu"),
    "head64": (128, 2, 2, 512, 2, 0, 1e-12, "gelu"),
    "head20": (60, 3, 3, 100, 2, 0, 1e-5, "gelu_pytorch_tanh"),
    "head96": (96, 2, 1, 70, 1, 2, 1e-5, "relu"),
    "head8": (40, 2, 5, 33, 2, 0, 1e-12, "gelu"),
}
VOCAB, POSITIONS, LENGTHS = 50, 64, (1, 2, 9, 33)
MASK = (1 << 64) - 1


def mix(x):
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


class Numbers:
    """Tensor after tensor; element i of tensor t is mix(t << 32 | i)'s upper 24 bits in [-1, 1)."""

    def __init__(self):
        self.tensor = 0

    def take(self, shape, scale, add=0.0):
        n = int(np.prod(shape))
        base = self.tensor << 32
        self.tensor += 1
        values = np.array([(mix(base | i) >> 40) - (1 << 23) for i in range(n)], np.float32) / np.float32(1 << 23)
        return torch.from_numpy((np.float32(add) + np.float32(scale) * values).reshape(shape))


def make(name):
    hidden, layers, heads, inner, types, offset, eps, act = SHAPES[name]
    config = BertConfig(vocab_size=VOCAB, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
                        intermediate_size=inner, hidden_act=act, max_position_embeddings=POSITIONS,
                        type_vocab_size=types, layer_norm_eps=eps, attn_implementation="eager")
    model = BertModel(config, add_pooling_layer=False).eval()
    numbers = Numbers()
    state = {}

    def vector_pair(prefix):
        state[prefix + ".weight"] = numbers.take((hidden,), 0.25, 1.0)
        state[prefix + ".bias"] = numbers.take((hidden,), 0.25)

    def linear(prefix, n_out, n_in):
        state[prefix + ".weight"] = numbers.take((n_out, n_in), 0.125)
        state[prefix + ".bias"] = numbers.take((n_out,), 0.25)

    for table, rows in (("word", VOCAB), ("position", POSITIONS), ("token_type", types)):
        state[f"embeddings.{table}_embeddings.weight"] = numbers.take((rows, hidden), 1.0)
    vector_pair("embeddings.LayerNorm")
    for i in range(layers):
        p = f"encoder.layer.{i}."
        for part in ("query", "key", "value"):
            linear(p + "attention.self." + part, hidden, hidden)
        linear(p + "attention.output.dense", hidden, hidden)
        vector_pair(p + "attention.output.LayerNorm")
        linear(p + "intermediate.dense", inner, hidden)
        linear(p + "output.dense", hidden, inner)
        vector_pair(p + "output.LayerNorm")
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and all("position_ids" in m or "token_type_ids" in m for m in missing), (missing, unexpected)
    out = []
    for sequence, length in enumerate(LENGTHS):
        ids = [mix(1000 + 100 * sequence + i) % VOCAB for i in range(length)]
        kinds = [mix(5000 + 100 * sequence + i) % types for i in range(length)]
        with torch.no_grad():
            states = model(input_ids=torch.tensor([ids]), token_type_ids=torch.tensor([kinds]),
                           position_ids=torch.arange(offset, offset + length)[None],
                           output_hidden_states=True).hidden_states
        out += [s[0].numpy().ravel() for s in states]
    return np.concatenate(out).astype("<f4")


if __name__ == "__main__":
    for name in SHAPES:
        make(name).tofile(f"{sys.argv[1]}/{name}.f32")
