#!/usr/bin/env python3
"""Usage: export_model.py MODEL_DIR OUT_DIR [--name NAME]   a BERT sentence-transformers model as OpenVINO graphs.

MODEL_DIR is a sentence-transformers folder (model.safetensors, config.json, tokenizer.json, ...) of a BERT encoder with
mean pooling, such as all-MiniLM-L6-v2. Writes OUT_DIR/f32 and OUT_DIR/int8, each laid out as Optimum does:

  openvino_model.xml/.bin      input_ids, attention_mask [n, t] int64 -> embedding [n, dimension] float32, pooled, of unit length
  openvino_tokenizer.xml/.bin  string [n] -> input_ids, token_type_ids, attention_mask [n, t] int64, padded, never truncated
  1_Pooling/config.json        as sentence-transformers has it
  sluice_model.json            name, dimension, max_tokens, precision, fingerprint, pooled

Needs Python 3.8 and nothing else. int8 has symmetric weights, a scale per output channel. Where calibration/NAME.json beside
this script fits the weights, activations are quantised too, with the ranges written there (a fourth faster, and nearer to
float32); else run it with DYNAMIC_QUANTIZATION_GROUP_SIZE=64 on the CPU plugin. For other architectures use `optimum-cli export openvino`.
"""
import argparse
import base64
import hashlib
import json
import mmap
import os
import struct
import sys

from ir import Graph, quantise

# Part of the fingerprint: raise it when the graphs below start to give other numbers for the same weights.
REVISION = b"sluice-bert-1"


def fail(message):
    sys.exit(f"export_model: {message}")


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


class Weights:
    """The tensors of a safetensors file, as float32 bytes."""

    def __init__(self, path):
        file = open(path, "rb")
        self.bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        (size,) = struct.unpack("<Q", self.bytes[:8])
        self.header, self.start = json.loads(self.bytes[8:8 + size]), 8 + size
        self.prefix = "" if "embeddings.word_embeddings.weight" in self.header else "bert."

    def __call__(self, name):
        entry = self.header.get(self.prefix + name) or fail(f"the weights have no tensor {name}: is it a BERT encoder?")
        if entry["dtype"] != "F32":
            fail(f"tensor {name} is {entry['dtype']}, expected F32")
        begin, end = entry["data_offsets"]
        return entry["shape"], self.bytes[self.start + begin:self.start + end]


def calibration(name, weights):
    """Ranges and channel scales of the activations; {} where none were measured for just these weights."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "calibration", f"{name}.json")
    if not os.path.exists(path):
        return {}
    measured = load(path)
    return measured["groups"] if measured["weights_sha256"] == hashlib.sha256(weights.bytes).hexdigest() else {}


def encoder(name, config, weights, int8, measured):
    """The BERT encoder with mean pooling and L2 normalisation."""
    g = Graph(name)
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    epsilon = config["layer_norm_eps"]

    def const(tensor):
        shape, data = weights(tensor)
        return g.raw("f32", shape, data)

    def quantised(x, group):
        """The input of the products of one group, in 8 bits; and what their weights' columns must be multiplied with.

        Channels differ in range by orders of magnitude, weights do not: a part of the range is moved from one to the other
        (SmoothQuant). Products whose inputs have a few huge values stay in floating point.
        """
        entry = measured.get(group)
        if entry is None:
            return x, None
        factors = None
        if "scales" in entry:
            factors = [2 ** (k / 4) for k in struct.unpack(f"{hidden}b", base64.b64decode(entry["scales"]))]
            inverse = struct.pack(f"<{hidden}f", *(1 / factor for factor in factors))
            x = g.binary("Multiply", x, g.raw("f32", [1, 1, hidden], inverse))
        low, high = g.const("f32", entry["low"]), g.const("f32", entry["high"])
        attributes = {"levels": 256, "auto_broadcast": "numpy"}
        return g.layer("FakeQuantize", "opset1", [x, low, high, low, high], ["f32"], attributes), factors

    def linear(x, tensor, group, factors):
        shape, data = weights(f"{tensor}.weight")
        if int8 and (group in measured or not measured):
            whole, scales = quantise(data, *shape, factors)
            w = g.convert(g.raw("i8", shape, whole), "f32")
            w = g.binary("Multiply", w, g.raw("f32", [shape[0], 1], scales))
        else:
            w = g.raw("f32", shape, data)
        y = g.layer("MatMul", "opset1", [x, w], ["f32"], {"transpose_a": "false", "transpose_b": "true"})
        return g.binary("Add", y, const(f"{tensor}.bias"))

    def layer_norm(x, tensor):
        attributes = {"eps": epsilon, "normalize_variance": "true", "eps_mode": "INSIDE_SQRT"}
        y = g.layer("MVN", "opset6", [x, g.const("i64", [-1])], ["f32"], attributes)
        return g.binary("Add", g.binary("Multiply", y, const(f"{tensor}.weight")), const(f"{tensor}.bias"))

    def gather(x, indices):
        return g.layer("Gather", "opset8", [x, indices, g.const("i64", 0)], [x.kind], {"batch_dims": 0})

    def reshape(x, shape):
        return g.layer("Reshape", "opset1", [x, g.const("i64", shape)], ["f32"], {"special_zero": "true"})

    def swap_heads(x):
        return g.layer("Transpose", "opset1", [x, g.const("i64", [0, 2, 1, 3])], ["f32"])

    def unsqueeze(x, axes):
        return g.layer("Unsqueeze", "opset1", [x, g.const("i64", axes)], [x.kind])

    def total(x):
        return g.layer("ReduceSum", "opset1", [x, g.const("i64", [1])], ["f32"], {"keep_dims": "false"})

    ids = g.parameter("i64", "?,?", "input_ids")
    mask = g.convert(g.parameter("i64", "?,?", "attention_mask"), "f32")
    shape = g.layer("ShapeOf", "opset3", [ids], ["i64"], {"output_type": "i64"})
    length = gather(shape, g.const("i64", 1))
    positions = g.layer(
        "Range", "opset4", [g.const("i64", 0), length, g.const("i64", 1)], ["i64"], {"output_type": "i64"}
    )
    words = gather(const("embeddings.word_embeddings.weight"), ids)
    places = unsqueeze(gather(const("embeddings.position_embeddings.weight"), positions), [0])
    _, segments = weights("embeddings.token_type_embeddings.weight")
    first_segment = g.raw("f32", [1, 1, hidden], segments[:4 * hidden])
    x = g.binary("Add", g.binary("Add", words, places), first_segment)
    x = layer_norm(x, "embeddings.LayerNorm")
    hole = g.binary("Subtract", g.const("f32", 1.0), unsqueeze(mask, [1, 2]))
    bias = g.binary("Multiply", hole, g.const("f32", -1e9))
    for i in range(config["num_hidden_layers"]):
        p = f"encoder.layer.{i}."
        y, factors = quantised(x, f"{i}.qkv")
        q, k, v = (
            swap_heads(reshape(linear(y, f"{p}attention.self.{part}", f"{i}.qkv", factors), [0, 0, heads, hidden // heads]))
            for part in ("query", "key", "value")
        )
        a = g.layer("ScaledDotProductAttention", "opset13", [q, k, v, bias], ["f32"], {"causal": "false"})
        a = reshape(swap_heads(a), [0, 0, hidden])
        y, factors = quantised(a, f"{i}.attn")
        a = linear(y, f"{p}attention.output.dense", f"{i}.attn", factors)
        x = layer_norm(g.binary("Add", a, x), f"{p}attention.output.LayerNorm")
        y, factors = quantised(x, f"{i}.ffn1")
        h = linear(y, f"{p}intermediate.dense", f"{i}.ffn1", factors)
        h = g.layer("Gelu", "opset7", [h], ["f32"], {"approximation_mode": "ERF"})
        y, factors = quantised(h, f"{i}.ffn2")
        h = linear(y, f"{p}output.dense", f"{i}.ffn2", factors)
        x = layer_norm(g.binary("Add", h, x), f"{p}output.LayerNorm")
    weight = unsqueeze(mask, [2])
    mean = g.binary("Divide", total(g.binary("Multiply", x, weight)), total(weight), m_pythondiv="true")
    attributes = {"eps": 1e-12, "eps_mode": "max"}
    unit = g.layer(
        "NormalizeL2", "opset1", [mean, g.const("i64", [1])], ["f32"], attributes, tensor="embedding"
    )
    g.result(unit, "embedding")
    return g


# What BERT's basic tokenizer splits off: ASCII and Unicode punctuation, and every ideograph of CJK.
PUNCTUATION = (
    r"[!-/]|[:-@]|[\[-`]|[{-~]|[\p{P}]|[\x{4E00}-\x{9FFF}]|[\x{3400}-\x{4DBF}]|[\x{20000}-\x{2A6DF}]"
    r"|[\x{2A700}-\x{2B73F}]|[\x{2B740}-\x{2B81F}]|[\x{2B820}-\x{2CEAF}]|[\x{F900}-\x{FAFF}]|[\x{2F800}-\x{2FA1F}]"
)
CONTROL = r"([\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F\p{Cf}])"


def tokenizer(description):
    """BERT's uncased WordPiece tokenizer as a graph of the openvino_tokenizers extension."""
    model, normal = description["model"], description["normalizer"]
    expected = {
        "type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
        "lowercase": True,
    }
    if model["type"] != "WordPiece" or normal != expected or description["pre_tokenizer"]["type"] != "BertPreTokenizer":
        fail("this tokenizer is not BERT's uncased WordPiece; export the model with optimum-cli instead")
    vocabulary = sorted(model["vocab"], key=model["vocab"].get)
    if [model["vocab"][word] for word in vocabulary] != list(range(len(vocabulary))):
        fail("the vocabulary's numbers have gaps")
    first, last = model["vocab"]["[CLS]"], model["vocab"]["[SEP]"]
    specials = "|".join(f"\\[{token['content'][1:-1]}\\]" for token in description["added_tokens"])
    strings = ["i32", "i32", "u8"]
    ragged = ["i32", "i32", "i32", "i32", "u8", "boolean"]

    g = Graph("tokenizer")
    begins, ends, chars = g.layer("StringTensorUnpack", "opset15", [g.parameter("string", "?", "texts")], strings)
    shape = g.layer("ShapeOf", "opset3", [begins], ["i64"], {"output_type": "i64"})
    zero, one = g.const("i64", 0), g.const("i64", 1)
    count = g.layer("Gather", "opset8", [shape, zero, zero], ["i64"], {"batch_dims": 0})
    span = {"output_type": "i32"}
    row_begins = g.layer("Range", "opset4", [zero, count, one], ["i32"], span)
    row_ends = g.layer("Range", "opset4", [one, g.binary("Add", count, one), one], ["i32"], span)
    rows = g.layer(
        "SpecialTokensSplit", "extension", [row_begins, row_ends, begins, ends, chars, g.text(f"({specials})")], ragged
    )
    edges, state = rows[:2], rows[2:]

    def replace(state, pattern, by):
        inputs = [*state, g.text(pattern), g.text(by)]
        return g.layer("RegexNormalization", "extension", inputs, [*strings, "boolean"], {"global_replace": "true"})

    def split(rows, pattern, behaviour):
        attributes = {"behaviour": behaviour, "invert": "false", "max_splits": -1}
        return g.layer("RegexSplit", "extension", [*rows, g.text(pattern)], ragged, attributes)

    state = replace(state, CONTROL, "")
    state = replace(state, r"\s", " ")
    state = replace(state, r"([\p{Han}])", " $1 ")
    state = g.layer(
        "CharsMapNormalization", "extension", state, [*strings, "boolean"],
        {
            "add_dummy_prefix": "false", "remove_extra_whitespaces": "false", "escape_whitespaces": "false",
            "normalization_form": "nfd", "case_fold": "true", "nmt": "false",
        },
    )
    state = replace(state, r"\p{Mn}", "")
    rows = split([*edges, *state], r"\s+", "remove")
    rows = split(rows, PUNCTUATION, "isolate")

    words = [word.encode() for word in vocabulary]
    places = [0]
    for word in words:
        places.append(places[-1] + len(word))
    pieces = g.layer(
        "WordpieceTokenizer", "extension",
        [
            *rows[:5], g.const("i32", places[:-1]), g.const("i32", places[1:]),
            g.raw("u8", [places[-1]], b"".join(words)), g.const("i64", model["vocab"]["[UNK]"]),
        ],
        ["i32", "i32", "i32"],
        {"suffix_indicator": model["continuing_subword_prefix"], "max_bytes_per_word": model["max_input_chars_per_word"]},
    )
    start, stop = g.const("i32", 0), g.const("i32", 1)
    combined = g.layer(
        "CombineSegments", "extension",
        [
            start, stop, g.const("i32", [first]), *pieces, start, stop, g.const("i32", [last]),
            g.const("i32", [0, 0, 0]),
        ],
        ["i32"] * 6,
    )
    lengths = g.binary("Subtract", combined[1], combined[0])
    longest = g.layer("ReduceMax", "opset1", [lengths, start], ["i32"], {"keep_dims": "false"})

    def dense(part):
        attributes = {"pad_right": "true", "m_pad_max_length": "false"}
        return g.layer("RaggedToDense", "extension", [*part, longest, start], ["i32", "boolean"], attributes)

    ids, mask = dense(combined[:3])
    segments, _ = dense(combined[3:])
    for name, output in (("input_ids", ids), ("token_type_ids", segments), ("attention_mask", mask)):
        g.result(g.convert(output, "i64", tensor=name), name)
    return g


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model_dir")
    parser.add_argument("out_dir")
    parser.add_argument("--name", default="all-MiniLM-L6-v2")
    options = parser.parse_args()
    source = options.model_dir
    config, pooling = load(f"{source}/config.json"), load(f"{source}/1_Pooling/config.json")
    if config["model_type"] != "bert" or config["hidden_act"] != "gelu" or not pooling["pooling_mode_mean_tokens"]:
        fail("only BERT encoders with mean pooling; export other models with optimum-cli instead")
    weights = Weights(f"{source}/model.safetensors")
    words = tokenizer(load(f"{source}/tokenizer.json"))
    for precision in ("f32", "int8"):
        out = f"{options.out_dir}/{precision}"
        os.makedirs(f"{out}/1_Pooling", exist_ok=True)
        measured = calibration(options.name, weights) if precision == "int8" else {}
        model = encoder(options.name, config, weights, precision == "int8", measured)
        model.save(f"{out}/openvino_model")
        words.save(f"{out}/openvino_tokenizer")
        digest = hashlib.sha256(REVISION)
        for part in (model.data, words.data, precision.encode()):
            digest.update(struct.pack("<Q", len(part)))
            digest.update(part)
        about = {
            "name": options.name,
            "dimension": config["hidden_size"],
            "max_tokens": load(f"{source}/sentence_bert_config.json")["max_seq_length"],
            "precision": precision,
            "fingerprint": digest.hexdigest(),
            "pooled": True,
        }
        for name, value in (("1_Pooling/config.json", pooling), ("sluice_model.json", about)):
            with open(f"{out}/{name}", "w", encoding="utf-8") as file:
                json.dump(value, file, indent=2)
                file.write("\n")


main()
