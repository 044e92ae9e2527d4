"""An imported model as a run with ``tokenizer.extend`` leaves it."""

import json

from safetensors.torch import load_file, save_file

from mtkit.bundle.bundle import MANIFEST, WEIGHTS, Bundle, load_bundle
from mtkit.data.tokens.extending import NewTags, extended
from mtkit.files.reading import sha256_file
from mtkit.training.growing import grown_tensors

GREEK = ["Ένα αγόρι κοιμάται.", "Ο σταθμός είναι εδώ.", "Δύο γάτες και ένα αγόρι."]


def grown(bundle: Bundle, *, tag: bool = False) -> Bundle:
    """The bundle with pieces for Greek, their rows, and a recipe; with a tag of Greek too where that is asked for."""
    before = bundle.tokenizer
    tags = NewTags(directions=[("eng", "ell")] if tag else [])
    after = extended(before, lambda: GREEK, lambda: GREEK, 60, tags)
    path = bundle.directory / WEIGHTS
    save_file(grown_tensors(load_file(path), before, after, like=None), path)
    after.save(bundle.directory)
    manifest = json.loads((bundle.directory / MANIFEST).read_text())
    manifest |= {"config": {}, "src_vocab_size": after.src_vocab_size, "tgt_vocab_size": after.tgt_vocab_size}
    manifest["files"] = {name: sha256_file(bundle.directory / name) for name in manifest["files"]}
    (bundle.directory / MANIFEST).write_text(json.dumps(manifest))
    return load_bundle(bundle.directory)
