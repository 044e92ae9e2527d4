"""Translating with a bare library, one process each: Hugging Face ``generate``, and CTranslate2.

    python -m benchmarks.peers.decoders marian|int8|float32 MODELS INPUT OUTPUT BEAM MAX_LENGTH

``INPUT`` and ``OUTPUT`` are pieces with spaces between them. Sentences are sorted by length; 64 go in one batch.
"""

import os
import sys
from pathlib import Path

BATCH_SIZE = 64
Lines = list[list[str]]


def marian(models: Path, lines: Lines, beam: int, max_length: int) -> Lines:
    """``generate`` in batches of sentences of about one length."""
    import torch
    from transformers import MarianMTModel

    from benchmarks.peers.loops import MAX_LENGTH, padded
    from benchmarks.peers.reference import EOS, PAD, UNK
    from benchmarks.peers.weights import positions

    pieces = (models / "pieces.txt").read_text(encoding="utf-8").splitlines()
    number = {piece: i for i, piece in enumerate(pieces)}
    model = MarianMTModel.from_pretrained(models / "marian").eval()
    for stack in (model.get_encoder(), model.get_decoder()):  # loading computes Marian's own positions anew
        stack.embed_positions.weight.data.copy_(positions(MAX_LENGTH))
    order = sorted(range(len(lines)), key=lambda i: -len(lines[i]))
    outputs: Lines = [[] for _ in lines]
    with torch.inference_mode():
        for start in range(0, len(order), BATCH_SIZE):
            batch = order[start : start + BATCH_SIZE]
            src = padded([[*(number.get(piece, UNK) for piece in lines[i]), EOS] for i in batch])
            mask = (src != PAD).long()
            found = model.generate(
                input_ids=src, attention_mask=mask, num_beams=beam, do_sample=False, max_new_tokens=max_length
            )
            for i, ids in zip(batch, found.tolist(), strict=True):
                end = ids.index(EOS, 1) if EOS in ids[1:] else len(ids)
                outputs[i] = [pieces[token] for token in ids[1:end] if token != PAD]
    return outputs


def ctranslate2(models: Path, lines: Lines, beam: int, max_length: int, compute_type: str) -> Lines:
    """``translate_batch``, one translation on each core at a time: its best setting on a small model."""
    from ctranslate2 import Translator

    threads = int(os.environ["OMP_NUM_THREADS"])
    path = str(models / "ctranslate2")
    translator = Translator(path, device="cpu", compute_type=compute_type, inter_threads=threads, intra_threads=1)
    found = translator.translate_batch(
        lines, beam_size=beam, max_batch_size=BATCH_SIZE, max_decoding_length=max_length, length_penalty=1.0
    )
    return [result.hypotheses[0] for result in found]


def main() -> None:
    """Translate a file."""
    kind, models, source, output = sys.argv[1], *map(Path, sys.argv[2:5])
    beam, max_length = map(int, sys.argv[5:7])
    lines = [line.split() for line in source.read_text(encoding="utf-8").split("\n")[:-1]]
    found = (
        marian(models, lines, beam, max_length)
        if kind == "marian"
        else ctranslate2(models, lines, beam, max_length, kind)
    )
    output.write_text("".join(" ".join(pieces) + "\n" for pieces in found), encoding="utf-8")


if __name__ == "__main__":
    main()
