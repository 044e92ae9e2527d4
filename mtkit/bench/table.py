"""What was measured, for a person to read."""

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter

from mtkit.bench.run import Bench, Machine, Work
from mtkit.bench.training import TrainingSpeed
from mtkit.machine.peak import flop_shown
from mtkit.wording import bytes_shown, counted, duration_shown

_LABEL = 26  # columns of the first column


def table(bench: Bench) -> list[str]:
    """Lines of plain text."""
    lines = [*_machine(bench.machine, bench.training), "", *_work(bench.work)]
    if bench.training is not None:
        lines += ["", *_training(bench.training), "", *_parts(bench.training)]
    return [line.rstrip() for line in [*lines, *_translation(bench)]]


def _machine(machine: Machine, training: TrainingSpeed | None) -> Iterator[str]:
    yield "Machine"
    yield _row("processor", f"{machine.cpu}, {counted(machine.n_cores, 'core')}")
    if machine.gpu is not None:
        yield _row("GPU", machine.gpu)
    yield _row("used", f"{machine.device}, {counted(machine.n_threads, 'thread')}, {machine.precision}")
    yield _row("versions", f"torch {machine.torch}, Python {machine.python}")
    yield _row("matrix products, fp32", f"{flop_shown(machine.limits.fp32_flop_per_second)} measured")
    bf16 = machine.limits.bf16_flop_per_second
    yield _row("matrix products, bf16", "not native" if bf16 is None else f"{flop_shown(bf16)} measured")
    peak = str(machine.limits.peak)
    if training is not None and training.peak != machine.limits.peak:
        peak = f"{training.peak} for training; {peak} for translation"
    yield _row("peak in the shares below", peak)
    yield _row("memory, copying", f"{machine.memory_bytes_per_second / 1e9:.1f} GB/s read and written, measured")


def _work(work: Work) -> Iterator[str]:
    yield "Model"
    yield _row("sizes of", work.name)
    yield _row("sizes", work.model.summary())
    yield _row("vocabulary", f"{work.tgt_vocab_size:,}")
    yield _row("parameters", f"{work.n_parameters / 1e6:.1f} million")
    yield _row("data", work.data)


def _training(speed: TrainingSpeed) -> Iterator[str]:
    rate = speed.tgt_tokens_per_second
    yield "Training"
    yield _row("computed in", f"{speed.way}")
    if speed.ways:
        yield _row("measured, tokens/s", "; ".join(f"{way}: {found:,.0f}" for way, found in speed.ways.items()))
    yield _row(
        "target tokens/s", f"{rate.median:,.0f}  ({rate.min:,.0f} to {rate.max:,.0f} in {speed.n_updates} updates)"
    )
    yield _row("source tokens/s", f"{speed.src_tokens_per_second:,.0f}")
    yield _row("share of peak (MFU)", f"{100 * speed.mfu:.1f} %")
    yield _row("padding", f"{100 * speed.padding_share:.1f} %")
    yield _row("peak memory", bytes_shown(speed.peak_memory_bytes))
    yield _row(
        "time per update", f"{_seconds(speed.seconds_per_update)} of {speed.batch_tokens_wanted:,} target tokens"
    )
    if speed.batch_tokens < speed.batch_tokens_wanted:
        yield _row("", f"computed from updates of {speed.batch_tokens:,}: whole ones take too long to measure")
    left = f"{speed.n_updates_to_do:,} updates; validation and checkpoints come on top"
    yield _row("time to finish", f"{duration_shown(speed.seconds_to_finish)} for {left}")


def _parts(speed: TrainingSpeed) -> Iterator[str]:
    yield f"{'Where an update goes':<{_LABEL}}    forward   backward     share   of peak"
    for part in speed.parts:
        of_peak = "" if part.share_of_peak is None else f"{100 * part.share_of_peak:.0f} %"
        yield (
            f"  {part.name:<{_LABEL - 2}}  {_seconds(part.forward_seconds):>9}  {_seconds(part.backward_seconds):>9}"
            f"  {100 * part.share:>6.1f} %  {of_peak:>8}"
        )
    forward, backward = (
        sum(getattr(part, f"{phase}_seconds") for part in speed.parts) for phase in ("forward", "backward")
    )
    yield f"  {'all':<{_LABEL - 2}}  {_seconds(forward):>9}  {_seconds(backward):>9}   100.0 %"


def _translation(bench: Bench) -> Iterator[str]:
    for engine, speeds in groupby(bench.translation, key=attrgetter("engine")):
        yield ""
        yield f"{'Translation':<{_LABEL}}    lines/s   target tokens/s   of peak   ({engine})"
        for speed in speeds:
            rate, name = speed.lines_per_second, "greedy" if speed.beam_size == 1 else f"beam {speed.beam_size}"
            passes = f"{speed.n_passes} passes over" if speed.n_passes > 1 else "one pass over"
            yield (
                f"  {name:<{_LABEL - 2}}  {rate.median:>9,.1f}   {speed.tgt_tokens_per_second:>15,.0f}"
                f"  {f'{100 * speed.share_of_peak:.0f} %':>8}"
                f"   ({rate.min:,.1f} to {rate.max:,.1f} lines/s in {passes} {speed.n_lines} lines)"
            )


def _row(label: str, value: str) -> str:
    return f"  {label:<{_LABEL - 2}}  {value}"


def _seconds(seconds: float) -> str:
    """``1.42 s``, ``12.3 ms``, and nothing at all for nothing."""
    if seconds == 0:
        return ""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"
