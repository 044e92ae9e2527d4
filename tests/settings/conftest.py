"""A recipe for tests of the settings."""

from pathlib import Path

MINIMAL = """\
data:
  src_lang: en
  tgt_lang: de
  train: {src: a.en, tgt: a.de}
  valid: {src: b.en, tgt: b.de}
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "my.yaml"
    path.write_text(text)
    return path
