"""Hugging Face's generate as a yardstick on the same GPU: random weights in float16, greedy, eager, with its cache.

    python3 bench/gpu/hf_generate.py --config '{"hidden_size": 2048, ...}' [--rows 1,16,128] [--rounds 3]
        [--prompt-tokens 128] [--output-tokens 128] [--device cuda]

--config has the keyword arguments of transformers' LlamaConfig. Prints JSON lines: versions, the bandwidth of copies in
the GPU's memory, then every round of every number of sequences, each after one that does not count.
"""
import argparse
import json
import statistics
import time

import torch
import transformers

COPY_BYTES, COPIES = 4 << 30, 20


def main():
    given = arguments()
    show(kind="versions", versions={"torch": torch.__version__, "transformers": transformers.__version__})
    if given.device.startswith("cuda"):
        show(kind="copy", bytesPerSecond=copy_rate(given.device))
    model = random_model(json.loads(given.config), given.device)
    for rows in [int(text) for text in given.rows.split(",")]:
        for number in range(given.rounds + 1):
            line = measure(model, rows, given)
            if number > 0:
                show(kind="generate", rows=rows, round=number, **line)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", required=True)
    parser.add_argument("--rows", default="1,16,128")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--prompt-tokens", type=int, default=128)
    parser.add_argument("--output-tokens", type=int, default=128)
    parser.add_argument("--device", default="cuda")
    return parser.parse_args()


def copy_rate(device):
    """Bytes a second read and written, the median of some copies of a buffer that no cache holds."""
    source = torch.empty(COPY_BYTES, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    seconds = [timed(lambda: target.copy_(source)) for _ in range(COPIES)]
    return 2 * COPY_BYTES / statistics.median(seconds)


def random_model(config, device):
    torch.manual_seed(1)
    torch.set_default_dtype(torch.float16)
    with torch.device(device):
        return transformers.LlamaForCausalLM(transformers.LlamaConfig(**config)).eval()


def measure(model, rows, given):
    ids = torch.randint(0, model.config.vocab_size, (rows, given.prompt_tokens), device=given.device)
    first = timed(lambda: generate(model, ids, 1))
    whole = timed(lambda: generate(model, ids, given.output_tokens))
    later = rows * (given.output_tokens - 1)
    return {
        "durationMs": 1000 * whole,
        "ttftMs": 1000 * first,
        "wholeTokensPerSecond": rows * given.output_tokens / whole,
        "decodeTokensPerSecond": later / (whole - first),
    }


def generate(model, ids, tokens):
    with torch.no_grad():
        model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, min_new_tokens=tokens,
                       do_sample=False, pad_token_id=0)


def timed(work):
    synchronize()
    start = time.perf_counter()
    work()
    synchronize()
    return time.perf_counter() - start


def synchronize():
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def show(**line):
    print(json.dumps(line), flush=True)


main()
