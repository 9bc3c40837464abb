#!/usr/bin/env python3
"""Writes tests/golden/models: small model folders with random weights, one for each layout that loci opens, the
texts, and the vectors that the reference libraries give for them (expected.safetensors, static.safetensors).

Run once, in two throw-away environments, from the root of the repository:

  python3 tests/golden/make_models.py bert     # torch 1.13, transformers 4.44.2, sentence-transformers 3.0.1, numpy 1.26
  python3 tests/golden/make_models.py static   # model2vec 0.10.0, tokenizers 0.23, numpy 2
  LOCI_WRITE_GOLDEN=1 build/tests/test_model   # writes models/written-tiny (and fails, for want of its vectors)
  python3 tests/golden/make_models.py written  # in the second environment: what model2vec makes of it

Layouts:
  bge-tiny-en      CLS + Normalize, old spelling, F32; no prompts in its files (known by its name)
  tiny-e5          mean + Normalize, new spelling, F16 weights, prompts "query" and "passage"
  gte-tiny         mean, no Normalize, two shards, gelu_new, length from tokenizer_config.json, default prompt
  dense-tiny       all six poolings concatenated, include_prompt false, two Dense modules, Normalize between them
  masked-tiny      BertForMaskedLM: prefix, gamma/beta, position_ids, cls.*, vocab.txt, no modules.json
  static-tiny      StaticEmbedding in 0_StaticEmbedding + Normalize
  m2v-int8-tiny    model2vec: int8 rows, weights, mapping, normalize
  m2v-f16-tiny     model2vec: F16 rows, no normalize, max_length 5
  written-tiny     m2v-int8-tiny as loci writes it
sentence-transformers 3.0.1 reads neither the new spelling nor StaticEmbedding: there the modules are built in the
program and saved, then the JSON files are rewritten as newer versions write them; the static mean is two lines of numpy.
"""
import json, os, shutil, string, sys, tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "models")

WORDS = """the a of to and in is how fix slow laptop speed up your computer old cat sat on mat query passage search
document represent this sentence for relevant passages""".split()
VOCAB = (["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + list(string.ascii_lowercase) +
         ["##" + c for c in string.ascii_lowercase] + list("0123456789.,:!?-'") + ["##s", "##ing", "猫"])
VOCAB = list(dict.fromkeys(VOCAB + [w for w in WORDS if len(w) > 1]))

TEXTS = ["", " ", "a", "the cat sat on the mat", "How to fix a slow laptop?", "speed up your old computer!",
         "zebra xylophone", "Ünïcödé Ärger", "猫 and 犬", "\U0001f600", "the " * 60, "abcdefghijklmnopqrstuvwxyz" * 4,
         "a\tb\nc", "42.5 - 17", "searching sentences", "query: passage:", "x" * 150, "the cat [MASK] on [SEP] mat",
         "\u200b\ufeff", "it's the computer's"]


def dump(folder, name, value):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        json.dump(value, f, ensure_ascii=False)


def bert():
    import numpy as np, torch, transformers
    from safetensors.torch import save_file, load_file
    from sentence_transformers import SentenceTransformer, models
    torch.manual_seed(20)
    expected = {}

    def encoder(folder, hidden, layers, heads, inner, max_length, masked=False, dtype=None, vocab_only=False, **more):
        os.makedirs(folder)
        with open(os.path.join(folder, "vocab.txt"), "w") as f:
            f.write("\n".join(VOCAB) + "\n")
        tokenizer = transformers.BertTokenizerFast(os.path.join(folder, "vocab.txt"), model_max_length=max_length)
        config = transformers.BertConfig(vocab_size=len(VOCAB), hidden_size=hidden, num_hidden_layers=layers,
                                         num_attention_heads=heads, intermediate_size=inner, max_position_embeddings=48,
                                         initializer_range=0.2, **more)
        model = (transformers.BertForMaskedLM if masked else transformers.BertModel)(config)
        for name, p in model.named_parameters():  # biases and gains are 0 and 1 by default: hide no mistake
            if p.dim() == 1:
                torch.nn.init.normal_(p, 1.0 if "LayerNorm.weight" in name else 0.0, 0.2)
        if dtype is not None:
            model = model.to(dtype).float()  # the values that the file can hold
        model.save_pretrained(folder, safe_serialization=True)
        tokenizer.save_pretrained(folder)
        for extra in ("special_tokens_map.json",) + (("tokenizer.json",) if vocab_only else ("vocab.txt",)):
            os.remove(os.path.join(folder, extra))
        path = os.path.join(folder, "model.safetensors")
        state = load_file(path)
        if dtype is not None:
            save_file({k: v.to(dtype) for k, v in state.items()}, path, {"format": "pt"})
        return path

    def record(name, case, model, **options):
        expected[f"{name}/{case}"] = torch.tensor(np.asarray(
            model.encode(TEXTS, batch_size=1, convert_to_numpy=True, **options), dtype=np.float32))

    def lengths(name, model, prompt=""):
        expected[f"{name}/lengths"] = torch.tensor(
            [model.tokenize([prompt + t])["input_ids"].shape[1] for t in TEXTS], dtype=torch.int32)

    # CLS + Normalize, all old
    folder = os.path.join(ROOT, "bge-tiny-en")
    with tempfile.TemporaryDirectory() as t:
        encoder(t + "/m", 24, 2, 3, 48, 512)
        st = SentenceTransformer(modules=[models.Transformer(t + "/m", max_seq_length=24),
                                          models.Pooling(24, pooling_mode="cls"), models.Normalize()], device="cpu")
        st.save(folder, create_model_card=False, safe_serialization=True)
    for extra in ("vocab.txt", "special_tokens_map.json"):
        if os.path.exists(os.path.join(folder, extra)):
            os.remove(os.path.join(folder, extra))
    st = SentenceTransformer(folder, device="cpu")
    record("bge-tiny-en", "default", st)
    record("bge-tiny-en", "query", st, prompt="Represent this sentence for searching relevant passages: ")
    lengths("bge-tiny-en", st)

    # mean + Normalize, new spelling, F16, prompts
    folder = os.path.join(ROOT, "tiny-e5")
    encoder(folder, 32, 2, 2, 48, 512, dtype=torch.float16)
    st = SentenceTransformer(modules=[models.Transformer(folder, max_seq_length=30), models.Pooling(32, "mean"),
                                      models.Normalize()], device="cpu")
    record("tiny-e5", "default", st)
    record("tiny-e5", "query", st, prompt="query: ")
    record("tiny-e5", "document", st, prompt="passage: ")
    lengths("tiny-e5", st)
    new = "sentence_transformers.sentence_transformer.modules."
    dump(folder, "modules.json", [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": new + "pooling.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": new + "normalize.Normalize"}])
    dump(folder, "1_Pooling/config.json", {"embedding_dimension": 32, "pooling_mode": "mean", "include_prompt": True})
    dump(folder, "sentence_bert_config.json", {"transformer_task": "feature-extraction", "max_seq_length": 30})
    dump(folder, "config_sentence_transformers.json", {"prompts": {"query": "query: ", "passage": "passage: "},
                                                       "default_prompt_name": None, "similarity_fn_name": "cosine"})

    # mean, no Normalize, shards, default prompt, length from the tokenizer
    folder = os.path.join(ROOT, "gte-tiny")
    path = encoder(folder, 36, 1, 3, 40, 20, hidden_act="gelu_new")
    st = SentenceTransformer(modules=[models.Transformer(folder), models.Pooling(36, "mean")], device="cpu",
                             prompts={"query": "search ", "plain": ""}, default_prompt_name="query")
    assert st.max_seq_length == 20
    record("gte-tiny", "default", st)
    record("gte-tiny", "plain", st, prompt_name="plain")
    lengths("gte-tiny", st)
    state = load_file(path)
    names = sorted(state)
    files = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    where = {n: files[i % 2] for i, n in enumerate(names)}
    for f in files:
        save_file({n: state[n] for n in names if where[n] == f}, os.path.join(folder, f), {"format": "pt"})
    os.remove(path)
    dump(folder, "model.safetensors.index.json", {"metadata": {"total_size": 0}, "weight_map": where})
    dump(folder, "modules.json", [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}])
    dump(folder, "1_Pooling/config.json", {"word_embedding_dimension": 36, "pooling_mode_cls_token": False,
                                           "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False,
                                           "pooling_mode_mean_sqrt_len_tokens": False})
    dump(folder, "config_sentence_transformers.json", {"prompts": {"query": "search ", "plain": ""},
                                                       "default_prompt_name": "query", "similarity_fn_name": "dot"})

    # six poolings, Dense, Normalize, Dense
    folder = os.path.join(ROOT, "dense-tiny")
    encoder(folder, 16, 1, 2, 24, 512)
    modes = dict(pooling_mode_cls_token=True, pooling_mode_max_tokens=True, pooling_mode_mean_tokens=True,
                 pooling_mode_mean_sqrt_len_tokens=True, pooling_mode_weightedmean_tokens=True,
                 pooling_mode_lasttoken=True, include_prompt=False)

    class Pooling(models.Pooling):
        """The reference writes −1e9 over left-out tokens in place, and so over the CLS vector that it has just taken as a
        view of them; a copy keeps what is meant."""
        def forward(self, features):
            features["cls_token_embeddings"] = features["token_embeddings"][:, 0].clone()
            return super().forward(features)

    dense = [models.Dense(96, 20), models.Dense(20, 12, bias=False, activation_function=torch.nn.Identity())]
    st = SentenceTransformer(modules=[models.Transformer(folder, max_seq_length=40), Pooling(16, **modes), dense[0],
                                      models.Normalize(), dense[1]], device="cpu",
                             prompts={"query": "search query: "})
    record("dense-tiny", "default", st)
    record("dense-tiny", "query", st, prompt_name="query")
    lengths("dense-tiny", st)
    dump(folder, "modules.json", [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"},
        {"idx": 3, "name": "3", "path": "3_Normalize", "type": "sentence_transformers.models.Normalize"},
        {"idx": 4, "name": "4", "path": "4_Dense", "type": "sentence_transformers.models.Dense"}])
    dump(folder, "1_Pooling/config.json", {"embedding_dimension": 16, "include_prompt": False, "pooling_mode": [
        "lasttoken", "cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean"]})
    dump(folder, "sentence_bert_config.json", {"max_seq_length": 40, "do_lower_case": True})
    dump(folder, "config_sentence_transformers.json", {"prompts": {"query": "search query: "}})
    for sub, d in (("2_Dense", dense[0]), ("4_Dense", dense[1])):
        os.makedirs(os.path.join(folder, sub), exist_ok=True)
        d.save(os.path.join(folder, sub))

    # a masked language model, as old files spell it
    folder = os.path.join(ROOT, "masked-tiny")
    path = encoder(folder, 16, 2, 2, 32, 48, masked=True, vocab_only=True)
    st = SentenceTransformer(folder, device="cpu")
    record("masked-tiny", "default", st)
    lengths("masked-tiny", st)
    state = {k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v
             for k, v in load_file(path).items()}
    assert any(k.startswith("cls.") for k in state) and "bert.embeddings.LayerNorm.gamma" in state
    state["bert.embeddings.position_ids"] = torch.arange(48).unsqueeze(0)
    save_file(state, path, {"format": "pt"})
    save_file(expected, os.path.join(ROOT, "expected.safetensors"))
    dump(ROOT, "texts.json", TEXTS)


def static():
    import numpy as np
    from model2vec import StaticModel
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer
    random = np.random.default_rng(7)
    expected = {}
    source = os.path.join(ROOT, "bge-tiny-en", "tokenizer.json")  # its baked truncation must give way
    n = len(VOCAB)

    folder = os.path.join(ROOT, "static-tiny")
    os.makedirs(folder + "/0_StaticEmbedding")
    shutil.copy(source, folder + "/0_StaticEmbedding/tokenizer.json")
    rows = random.standard_normal((n, 20)).astype(np.float32)
    save_file({"embedding.weight": rows}, folder + "/0_StaticEmbedding/model.safetensors")
    dump(folder, "modules.json", [
        {"idx": 0, "name": "0", "path": "0_StaticEmbedding", "type": "sentence_transformers.models.StaticEmbedding"},
        {"idx": 1, "name": "1", "path": "1_Normalize", "type": "sentence_transformers.models.Normalize"}])
    dump(folder, "config_sentence_transformers.json", {"prompts": {}, "default_prompt_name": None})
    tokenizer = Tokenizer.from_file(source)
    tokenizer.no_padding(), tokenizer.no_truncation()
    out = []
    for text in TEXTS:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        v = rows[ids].mean(axis=0) if ids else np.zeros(20, np.float32)
        out.append(v / max(np.linalg.norm(v), 1e-12))
    expected["static-tiny/default"] = np.array(out, dtype=np.float32)

    tokenizer = Tokenizer.from_file(source)
    tokenizer.no_padding(), tokenizer.no_truncation()
    codes = random.integers(-127, 128, (30, 24)).astype(np.int8)
    model = StaticModel(codes, tokenizer, normalize=True, weights=random.random(n).astype(np.float32) + 0.1,
                        token_mapping=random.integers(0, 30, n), max_length=None)
    model.save_pretrained(os.path.join(ROOT, "m2v-int8-tiny"))
    expected["m2v-int8-tiny/default"] = np.asarray(model.encode(TEXTS), dtype=np.float32)
    expected["m2v-int8-tiny/plain"] = np.asarray(model.encode(TEXTS, normalize=False), dtype=np.float32)

    # The reference answers in F16; its own rows as F32 give the exact means. Its tokens, not its encode(): that would
    # also cut the characters of a text at max_length times the median piece.
    half = random.standard_normal((n, 18)).astype(np.float16)
    model = StaticModel(half, tokenizer, normalize=False, max_length=5)
    model.save_pretrained(os.path.join(ROOT, "m2v-f16-tiny"))
    expected["m2v-f16-tiny/plain"] = np.array([half[ids].astype(np.float32).mean(axis=0) if ids else np.zeros(18)
                                               for ids in model.tokenize(TEXTS)], dtype=np.float32)
    for name in ("m2v-int8-tiny", "m2v-f16-tiny"):
        os.remove(os.path.join(ROOT, name, "README.md"))
    save_file(expected, os.path.join(ROOT, "static.safetensors"))


def written():
    import numpy as np
    from model2vec import StaticModel
    from safetensors.numpy import save_file
    model = StaticModel.from_pretrained(os.path.join(ROOT, "written-tiny"))
    assert model.normalize and model.max_length is None and model.embedding.dtype == np.int8 and model.language == ["en"]
    save_file({"written-tiny/default": np.asarray(model.encode(TEXTS), dtype=np.float32)},
              os.path.join(ROOT, "written.safetensors"))


if __name__ == "__main__":
    what = sys.argv[1]
    if what == "bert":
        shutil.rmtree(ROOT, ignore_errors=True)
        os.makedirs(ROOT)
    elif what == "static":
        for d in ("static-tiny", "m2v-int8-tiny", "m2v-f16-tiny"):
            shutil.rmtree(os.path.join(ROOT, d), ignore_errors=True)
    {"bert": bert, "static": static, "written": written}[what]()
