#!/usr/bin/env python3
"""The encoder in ONNX Runtime, PyTorch and sentence-transformers, at the lengths that bench/encode runs.

usage: encode_peers.py MODEL_FOLDER WORK_FOLDER [--peers ort,torch,st] [--lengths 16,64,...] [--threads 1] [--json] [--own-time]

MODEL_FOLDER: a sentence-transformers directory of a BERT-type model. WORK_FOLDER: where fused.onnx is kept (made on the
first run: torch.onnx.export, then ONNX Runtime's transformer optimizer with fused Attention, SkipLayerNormalization,
EmbedLayerNormalization and BiasGelu, as its documentation advises). Every sequence of a call is equally long; for each
length the best of 256, 512, 1,024 and 4,096 tokens a call counts. Median, least and greatest of the repetitions. `st` is
one text of 14 words (16 tokens) through sentence-transformers' encode(), tokenizer included.
"""
import argparse
import json
import os
import sys
import time
import warnings

warnings.filterwarnings("ignore")
os.environ["HF_HUB_OFFLINE"] = "1"
import numpy as np

BUDGETS = (256, 512, 1024, 4096)


def export(model_folder, path):
    import torch
    from transformers import AutoModel
    import onnx.helper
    import onnx.mapping
    if not hasattr(onnx.helper, "tensor_dtype_to_np_dtype"):  # onnx before 1.13
        onnx.helper.tensor_dtype_to_np_dtype = lambda t: onnx.mapping.TENSOR_TYPE_TO_NP_TYPE[t]
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import FusionOptions

    model = AutoModel.from_pretrained(model_folder, attn_implementation="eager").eval()

    class LastHidden(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, input_ids, attention_mask, token_type_ids):
            return self.model(input_ids=input_ids, attention_mask=attention_mask,
                              token_type_ids=token_type_ids).last_hidden_state

    ids = torch.randint(1000, 2000, (2, 24))
    names = ["input_ids", "attention_mask", "token_type_ids"]
    raw = path + ".raw"
    torch.onnx.export(LastHidden(), (ids, torch.ones_like(ids), torch.zeros_like(ids)), raw, input_names=names,
                      output_names=["last_hidden_state"], opset_version=14,
                      dynamic_axes={n: {0: "batch", 1: "length"} for n in names + ["last_hidden_state"]})
    config = model.config
    fused = optimizer.optimize_model(raw, "bert", num_heads=config.num_attention_heads, hidden_size=config.hidden_size,
                                     optimization_options=FusionOptions("bert"), opt_level=0)
    fused.save_model_to_file(path)
    print("fused:", fused.get_fused_operator_statistics(), file=sys.stderr)


def ort(args):
    import onnxruntime
    path = os.path.join(args.work, "fused.onnx")
    if not os.path.exists(path):
        export(args.model, path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = args.threads, 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    inputs = [i.name for i in session.get_inputs()]

    def run(ids):
        whole = dict(input_ids=ids, attention_mask=np.ones_like(ids), token_type_ids=np.zeros_like(ids))
        return session.run(None, {n: whole[n] for n in inputs})[0]

    return f"ONNX Runtime {onnxruntime.__version__} fp32, fused", run


def torch_model(args):
    import torch
    from transformers import AutoModel
    torch.set_num_threads(args.threads)
    model = AutoModel.from_pretrained(args.model).eval()

    def run(ids):
        with torch.inference_mode():
            ids = torch.from_numpy(ids)
            return model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.numpy()

    return f"PyTorch {torch.__version__} fp32", run


clock = time.perf_counter


def rates(run, amount, least=5, seconds=1.0):
    run()
    out, began = [], clock()
    while len(out) < least or clock() - began < seconds:
        start = clock()
        run()
        out.append(amount / (clock() - start))
    out.sort()
    return out[len(out) // 2], out[0], out[-1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("work")
    parser.add_argument("--peers", default="ort,torch,st")
    parser.add_argument("--lengths", default="16,32,64,128,256,512")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--own-time", action="store_true", help="processor time of this process, as bench/encode --own-time")
    args = parser.parse_args()
    if args.own_time:
        global clock
        clock = time.process_time
    rng, rows = np.random.default_rng(0), []

    def row(name, unit, figures):
        rows.append(dict(name=name, unit=unit, median=figures[0], least=figures[1], greatest=figures[2]))
        if not args.json:
            print(f"{name:64s} {figures[0]:10.4g} {figures[1]:10.4g} {figures[2]:10.4g}  {unit}", flush=True)

    for peer in args.peers.split(","):
        if peer == "st":
            import sentence_transformers
            import torch
            torch.set_num_threads(args.threads)
            model = sentence_transformers.SentenceTransformer(args.model, device="cpu")
            text = "how do i make the old slow computer at home fast again today ?"
            n = len(model.tokenize([text])["input_ids"][0])
            m, lo, hi = rates(lambda: model.encode(text, show_progress_bar=False), 1, 50)
            row(f"sentence-transformers {sentence_transformers.__version__} encode(), one query of {n} tokens", "ms",
                (1e3 / m, 1e3 / hi, 1e3 / lo))
            continue
        name, run = dict(ort=ort, torch=torch_model)[peer](args)
        for length in map(int, args.lengths.split(",")):
            best = None
            for budget in BUDGETS:
                n = max(1, budget // length)
                ids = rng.integers(1000, 29000, (n, length)).astype(np.int64)
                figures = rates(lambda: run(ids), n * length, 3, args.seconds / 2)
                if best is None or figures[0] > best[0][0]:
                    best = figures, n
            row(f"{name}, length {length}, {best[1]} sequences a call", "tokens/s", best[0])
        ids = rng.integers(1000, 29000, (1, 16)).astype(np.int64)
        m, lo, hi = rates(lambda: run(ids), 1, 50)
        row(f"{name}, one query of 16 tokens", "ms", (1e3 / m, 1e3 / hi, 1e3 / lo))
    if args.json:
        print(json.dumps(dict(title=f"encoder peers, {args.threads} threads", rows=rows)))


if __name__ == "__main__":
    main()
