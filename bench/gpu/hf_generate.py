"""Hugging Face's generate on the same GPU, as a yardstick: random weights of the 1B shape in float16.

    python3 bench/gpu/hf_generate.py [rows ...]        (default: 1 16 128)

Prints a JSON line for each number of sequences: 128 tokens in, 128 out, greedy, eager generate with its cache.
"""
import json
import sys
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM

PROMPT, OUTPUT, ROUNDS = 128, 128, 3

config = LlamaConfig(
    vocab_size=128256, hidden_size=2048, intermediate_size=8192, num_hidden_layers=16,
    num_attention_heads=32, num_key_value_heads=8, head_dim=64, tie_word_embeddings=True,
    max_position_embeddings=8192, rope_theta=500000.0,
)
torch.manual_seed(1)
with torch.device("cuda"):
    torch.set_default_dtype(torch.float16)
    model = LlamaForCausalLM(config).eval()
for rows in [int(text) for text in sys.argv[1:]] or [1, 16, 128]:
    ids = torch.randint(0, config.vocab_size, (rows, PROMPT), device="cuda")
    times = []
    for _ in range(ROUNDS + 1):
        torch.cuda.synchronize()
        start = time.perf_counter()
        with torch.no_grad():
            model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=OUTPUT, min_new_tokens=OUTPUT,
                           do_sample=False, pad_token_id=0)
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    seconds = sorted(times[1:])[ROUNDS // 2]
    print(json.dumps({"rows": rows, "seconds": seconds, "outputTokensPerSecond": rows * OUTPUT / seconds}), flush=True)
