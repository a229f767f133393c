#!/usr/bin/env python3
"""Train the sample model and write it beside this file in the Hugging Face layout.

Optional: the application only reads the committed result. Needs torch,
tokenizers, safetensors and numpy (README.md names the versions).

    python train.py tokenizer                 # tokenizer.json and its companions
    python train.py model --minutes 30        # config.json and model.safetensors
    python train.py perplexity                # of the committed model on heldout.txt

The network is Llama (RMSNorm, rotary embeddings, grouped-query attention, SwiGLU;
Touvron et al., arXiv 2302.13971) with the tensor names and the half-split rotary
layout of Hugging Face's LlamaForCausalLM. The learning rate follows the clock
(cosine over --minutes), so a slower machine sees fewer tokens, not a cut schedule.
"""

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from make_text import make_text

HERE = Path(__file__).resolve().parent

BOS, EOS, USER, ASSISTANT = SPECIALS = ["<|bos|>", "<|eos|>", "<|user|>", "<|assistant|>"]
VOCAB, HIDDEN, INTERMEDIATE, LAYERS, HEADS, KV_HEADS, CONTEXT = 2048, 256, 704, 4, 8, 4, 512
HEAD_DIM = HIDDEN // HEADS
ROPE_THETA, EPS = 10000.0, 1e-5

# One token per digit, so that sums are learnt digit by digit; otherwise the split of Qwen2.
SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'user' %}{{ '<|user|>\\n' + message['content'] + '\\n' }}"
    "{% elif message['role'] == 'assistant' %}{{ '<|assistant|>\\n' + message['content'] + eos_token + '\\n' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
)

CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": VOCAB, "hidden_size": HIDDEN,
    "intermediate_size": INTERMEDIATE, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS,
    "head_dim": HEAD_DIM, "max_position_embeddings": CONTEXT, "rope_theta": ROPE_THETA, "rope_scaling": None, "rms_norm_eps": EPS,
    "hidden_act": "silu", "attention_bias": False, "mlp_bias": False, "attention_dropout": 0.0, "tie_word_embeddings": True,
    "initializer_range": 0.02, "use_cache": True, "bos_token_id": 0, "eos_token_id": 1, "torch_dtype": "float16",
}


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


# ---------------------------------------------------------------- tokenizer

def train_tokenizer(out):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=VOCAB, special_tokens=SPECIALS, show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    text = make_text("train", 6_000_000)
    for token in SPECIALS:
        text = text.replace(token, "\n")
    tokenizer.train_from_iterator(text.splitlines(keepends=True), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A {BOS} $B:1", special_tokens=[(BOS, 0)])
    tokenizer.save(str(out / "tokenizer.json"))

    def added(content):
        return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False}

    write_json(out / "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": CONTEXT, "bos_token": BOS, "eos_token": EOS, "add_bos_token": True,
        "add_eos_token": False, "clean_up_tokenization_spaces": False, "chat_template": CHAT_TEMPLATE,
        "added_tokens_decoder": {str(i): {**added(t), "special": True} for i, t in enumerate(SPECIALS)},
        "additional_special_tokens": [USER, ASSISTANT]})
    write_json(out / "special_tokens_map.json", {
        "bos_token": added(BOS), "eos_token": added(EOS), "additional_special_tokens": [USER, ASSISTANT]})


# ---------------------------------------------------------------- model

def parameter_shapes():
    shapes = {"model.embed_tokens.weight": (VOCAB, HIDDEN), "model.norm.weight": (HIDDEN,)}
    for i in range(LAYERS):
        p = f"model.layers.{i}."
        shapes |= {
            p + "input_layernorm.weight": (HIDDEN,), p + "post_attention_layernorm.weight": (HIDDEN,),
            p + "self_attn.q_proj.weight": (HIDDEN, HIDDEN), p + "self_attn.k_proj.weight": (KV_HEADS * HEAD_DIM, HIDDEN),
            p + "self_attn.v_proj.weight": (KV_HEADS * HEAD_DIM, HIDDEN), p + "self_attn.o_proj.weight": (HIDDEN, HIDDEN),
            p + "mlp.gate_proj.weight": (INTERMEDIATE, HIDDEN), p + "mlp.up_proj.weight": (INTERMEDIATE, HIDDEN),
            p + "mlp.down_proj.weight": (HIDDEN, INTERMEDIATE)}
    return shapes


def new_parameters(seed):
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, shape in parameter_shapes().items():
        if len(shape) == 1:
            weights[name] = torch.ones(shape)
            continue
        scale = 0.02 if "embed" in name else shape[1] ** -0.5
        if name.endswith(("o_proj.weight", "down_proj.weight")):
            scale /= math.sqrt(2 * LAYERS)
        weights[name] = torch.randn(shape, generator=generator) * scale
    return {name: w.requires_grad_() for name, w in weights.items()}


def rotary_tables(length):
    frequencies = ROPE_THETA ** (-torch.arange(0, HEAD_DIM, 2).float() / HEAD_DIM)
    angles = torch.arange(length).float()[:, None] * frequencies
    return torch.cat([angles.cos()] * 2, 1), torch.cat([angles.sin()] * 2, 1)


def rotate(x, cos, sin):
    """x: [batch, heads, positions, head_dim]; the two halves of a head are the two coordinates."""
    x1, x2 = x.chunk(2, -1)
    return x * cos + torch.cat([-x2, x1], -1) * sin


def forward(w, tokens):
    """tokens [batch, positions] -> logits [batch, positions, vocabulary]."""
    b, t = tokens.shape
    x = F.embedding(tokens, w["model.embed_tokens.weight"])
    # Under autocast the heads are bfloat16, and tables of another type would widen them again.
    dtype = torch.bfloat16 if torch.is_autocast_enabled("cpu") else x.dtype
    cos, sin = (table.to(dtype) for table in rotary_tables(t))
    for i in range(LAYERS):
        p = f"model.layers.{i}."
        h = F.rms_norm(x, (HIDDEN,), w[p + "input_layernorm.weight"], EPS)
        q = F.linear(h, w[p + "self_attn.q_proj.weight"]).view(b, t, HEADS, HEAD_DIM).transpose(1, 2)
        k = F.linear(h, w[p + "self_attn.k_proj.weight"]).view(b, t, KV_HEADS, HEAD_DIM).transpose(1, 2)
        v = F.linear(h, w[p + "self_attn.v_proj.weight"]).view(b, t, KV_HEADS, HEAD_DIM).transpose(1, 2)
        k, v = (y.repeat_interleave(HEADS // KV_HEADS, 1) for y in (rotate(k, cos, sin), v))
        y = F.scaled_dot_product_attention(rotate(q, cos, sin), k, v, is_causal=True)
        x = x + F.linear(y.transpose(1, 2).reshape(b, t, HIDDEN), w[p + "self_attn.o_proj.weight"])
        h = F.rms_norm(x, (HIDDEN,), w[p + "post_attention_layernorm.weight"], EPS)
        gate = F.silu(F.linear(h, w[p + "mlp.gate_proj.weight"])) * F.linear(h, w[p + "mlp.up_proj.weight"])
        x = x + F.linear(gate, w[p + "mlp.down_proj.weight"])
    return F.linear(F.rms_norm(x, (HIDDEN,), w["model.norm.weight"], EPS), w["model.embed_tokens.weight"])


def perplexity(w, ids, context=CONTEXT):
    """exp of the mean loss over the text cut into windows of `context` tokens, each predicted from its own window only."""
    windows = torch.tensor(ids[: len(ids) // context * context]).view(-1, context)
    total = 0.0
    with torch.no_grad():
        for batch in windows.split(16):
            logits = forward(w, batch)[:, :-1].float()
            total += F.cross_entropy(logits.reshape(-1, VOCAB), batch[:, 1:].reshape(-1), reduction="sum").item()
    return math.exp(total / (len(windows) * (context - 1)))


def encode(text):
    tokenizer = Tokenizer.from_file(str(HERE / "tokenizer.json"))
    pieces = text.split("\n\n")
    lines = [p + "\n\n" for p in pieces[:-1]] + [pieces[-1]]
    return [e.ids for e in tokenizer.encode_batch(lines, add_special_tokens=False)]


# ---------------------------------------------------------------- training

def batches(documents, seed):
    """A generator to be sent (rows, window): windows of the training text, each with the token after it.

    Half of them open a document behind a bos token, as a chat does.
    """
    stream = np.concatenate([np.array(d, dtype=np.int64) for d in documents])
    starts = np.cumsum([0] + [len(d) for d in documents[:-1]])
    starts = starts[starts < len(stream) - CONTEXT - 1]
    rng = np.random.default_rng(seed)
    batch = None
    while True:
        rows, window = yield batch
        at = np.where(rng.random(rows) < 0.5, -rng.choice(starts, rows) - 1, rng.integers(0, len(stream) - CONTEXT - 1, rows))
        batch = torch.from_numpy(np.stack([
            np.concatenate([[0], stream[-i - 1: -i - 1 + window]]) if i < 0 else stream[i: i + window + 1] for i in at]))


def export(out, weights, record):
    save_file({n: w.detach().to(torch.float16).contiguous() for n, w in sorted(weights.items())}, str(out / "model.safetensors"),
              metadata={"format": "pt"})
    write_json(out / "config.json", CONFIG)
    write_json(out / "generation_config.json", {"bos_token_id": 0, "eos_token_id": 1, "do_sample": False})
    print("wrote", out, json.dumps(record), flush=True)


def train_model(args):
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    documents = encode(make_text("train"))
    distinct = sum(map(len, documents))
    heldout = [i for d in encode((HERE / "heldout.txt").read_text(encoding="utf-8")) for i in d]
    weights = new_parameters(args.seed)
    if args.start:
        weights = {n: w.float().requires_grad_() for n, w in load_file(str(args.start / "model.safetensors")).items()}
    print(f"{sum(w.numel() for w in weights.values())} parameters, {distinct} distinct training tokens", flush=True)
    optimizer = torch.optim.AdamW([
        {"params": [w for w in weights.values() if w.ndim == 2], "weight_decay": args.decay},
        {"params": [w for w in weights.values() if w.ndim == 1], "weight_decay": 0.0}], betas=(0.9, 0.98), eps=1e-9, fused=True)
    source = batches(documents, args.seed)
    next(source)
    begin = saved = time.monotonic()
    step, seen = 0, 0
    while (progress := (time.monotonic() - begin) / (60 * args.minutes)) < 1:
        rate = args.rate * min(1, (step + 1) / 100) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        # Short windows first (attention is 40% of the time at 512): the last 30% teaches the far positions.
        batch = source.send((2 * args.rows, CONTEXT // 2) if progress < 0.7 else (args.rows, CONTEXT))
        with torch.autocast("cpu", torch.bfloat16):
            logits = forward(weights, batch[:, :-1])
        loss = F.cross_entropy(logits.float().view(-1, VOCAB), batch[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
        optimizer.step()
        step, seen = step + 1, seen + batch[:, 1:].numel()
        if step % 50 == 0:
            print(f"step {step} loss {loss.item():.4f} rate {rate:.5f} tokens {seen} seconds {time.monotonic() - begin:.0f}", flush=True)
        if time.monotonic() - saved > args.save_every_s:
            saved = time.monotonic()
            export(args.out, weights, {"step": step, "tokens": seen, "heldout": perplexity(weights, heldout[:CONTEXT * 40])})
    final = {n: w.detach().half().float() for n, w in weights.items()}
    export(args.out, final, {"steps": step, "tokens": seen, "distinct_tokens": distinct, "minutes": args.minutes,
                             "heldout_perplexity": round(perplexity(final, heldout), 4)})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["tokenizer", "model", "perplexity"])
    parser.add_argument("--out", type=Path, default=HERE, help="folder of the checkpoint")
    parser.add_argument("--start", type=Path, help="folder of a checkpoint to go on from, with a fresh schedule and optimizer")
    parser.add_argument("--minutes", type=float, default=30, help="wall-clock minutes of training")
    parser.add_argument("--rate", type=float, default=4e-3, help="peak learning rate")
    parser.add_argument("--decay", type=float, default=0.1, help="weight decay of the matrices")
    parser.add_argument("--rows", type=int, default=8, help=f"windows of {CONTEXT} tokens in a step (twice as many while they are half as long)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save-every-s", type=float, default=300)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.what == "tokenizer":
        train_tokenizer(args.out)
    elif args.what == "model":
        train_model(args)
    else:
        weights = {n: w.float() for n, w in load_file(str(args.out / "model.safetensors")).items()}
        ids = [i for d in encode((HERE / "heldout.txt").read_text(encoding="utf-8")) for i in d]
        print(f"{perplexity(weights, ids):.4f} over {len(ids)} tokens")


if __name__ == "__main__":
    main()
