import json
import logging
from pathlib import Path

import pytest

from mtkit.errors import DataError
from mtkit.forge.shards import Pair, begin, n_shards, read_shards, translate_shards

LINES = ["one", "two", "a\tb\u2028c", "four", 'fi"ve', "six", "seven"]


def shout(lines: list[str]) -> list[str | None]:
    return [None if line == "four" else line.upper() for line in lines]


WANTED = [None if line == "four" else Pair(line, line.upper()) for line in LINES]


@pytest.mark.parametrize("shard_lines", [1, 3, 7, 10])
def test_every_line_comes_back_in_order(tmp_path: Path, shard_lines: int) -> None:
    translate_shards(LINES, len(LINES), shout, tmp_path, shard_lines=shard_lines)
    assert list(read_shards(tmp_path)) == WANTED
    assert n_shards(tmp_path) == -(-len(LINES) // shard_lines)


@pytest.mark.parametrize("n_done", [0, 1, 2])
def test_what_is_done_is_not_done_again(tmp_path: Path, n_done: int, caplog: pytest.LogCaptureFixture) -> None:
    asked: list[str] = []

    def until_power_fails(lines: list[str]) -> list[str | None]:
        if len(asked) == 3 * n_done:
            raise KeyboardInterrupt
        asked.extend(lines)
        return shout(lines)

    with pytest.raises(KeyboardInterrupt):
        translate_shards(LINES, len(LINES), until_power_fails, tmp_path, shard_lines=3)
    assert n_shards(tmp_path) == n_done
    before = list(asked)
    asked.clear()

    def go_on(lines: list[str]) -> list[str | None]:
        asked.extend(lines)
        return shout(lines)

    with caplog.at_level(logging.INFO, logger="mtkit"):
        translate_shards(LINES, len(LINES), go_on, tmp_path, shard_lines=3)
    n_shards_in_all = -(-len(LINES) // 3)
    assert caplog.messages == ([f"resuming: {n_done} of {n_shards_in_all} shards are done"] if n_done else [])
    assert before + asked == LINES
    assert list(read_shards(tmp_path)) == WANTED


def test_another_job_is_refused(tmp_path: Path) -> None:
    begin(tmp_path / "new", {"kind": "distill", "beam_size": 5})
    begin(tmp_path / "new", {"kind": "distill", "beam_size": 5})
    with pytest.raises(
        DataError, match=r"new: was started with different settings \(beam_size changed\); choose another"
    ):
        begin(tmp_path / "new", {"kind": "distill", "beam_size": 4})
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(DataError, match="holds something else"):
        begin(tmp_path, {})


@pytest.mark.parametrize("damage", ["{", json.dumps(["a", "b", "c"]), "5"])
def test_a_damaged_shard_is_named(tmp_path: Path, damage: str) -> None:
    translate_shards(LINES, len(LINES), shout, tmp_path, shard_lines=3)
    path = tmp_path / "shards" / "00001.jsonl"
    path.write_text(path.read_text().replace('["six", "SIX"]', damage))
    with pytest.raises(DataError, match=r"00001.jsonl:3: damaged; delete the file"):
        list(read_shards(tmp_path))
