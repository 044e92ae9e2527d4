from dataclasses import replace

from mtkit.bench.run import Bench, Limits, Machine, Work
from mtkit.bench.table import table
from mtkit.bench.training import Part, Spread, TrainingSpeed
from mtkit.bench.translation import TranslationSpeed
from mtkit.machine.peak import Peak
from mtkit.settings.model import ModelConfig
from mtkit.training.planning.tuning import Way

MACHINE = Machine(
    cpu="Some CPU",
    n_cores=8,
    n_threads=1,
    gpu="Some GPU",
    torch="2.13.0",
    python="3.12.1",
    device="cuda",
    precision="bf16",
    limits=Limits(fp32_flop_per_second=5.1e13, bf16_flop_per_second=7.2e14, peak=Peak(9.89e14, published=True)),
    memory_bytes_per_second=3.21e12,
)
WORK = Work("preset base", "random tokens", ModelConfig(), 60_500_000, 32_000, 32_000)
TRAINING = TrainingSpeed(
    way=Way("bf16", 1),
    ways={"fp32, 1 worker": 312_345.6, "bf16, 1 worker": 401_000},
    peak=Peak(9.89e14, published=True),
    n_updates=9,
    batch_tokens=2_000,
    batch_tokens_wanted=25_000,
    tgt_tokens_per_second=Spread(400_000.4, 390_000, 410_000),
    src_tokens_per_second=380_000,
    seconds_per_update=0.0625,
    mfu=0.333,
    padding_share=0.0123,
    peak_memory_bytes=12_300_000_000,
    parts=[
        Part("decoder cross-attention", 0.0012, 0.0024, 0.9, 0.41),
        Part("gradient norm, optimiser", 0.0004, 0.0, 0.1, None),
    ],
    parts_seconds_per_update=0.004,
    n_updates_to_do=100_000,
    seconds_to_finish=6_250,
)
TRANSLATION = [
    TranslationSpeed("cuda (Some GPU), bf16", 1, 256, 12, Spread(1234.5, 1200, 1250), 34_567.8, 0.011),
    TranslationSpeed("cuda (Some GPU), bf16", 4, 64, 1, Spread(300, 300, 300), 8_400, 0.021),
]


def test_the_table_is_what_a_user_reads() -> None:
    text = "\n".join(table(Bench(MACHINE, WORK, TRAINING, TRANSLATION)))
    for line in (
        "  processor                 Some CPU, 8 cores",
        "  GPU                       Some GPU",
        "  used                      cuda, 1 thread, bf16",
        "  matrix products, bf16     720.0 TFLOP/s measured",
        "  peak in the shares below  989.0 TFLOP/s, published",
        "  computed in               bf16, 1 worker",
        "  measured, tokens/s        fp32, 1 worker: 312,346; bf16, 1 worker: 401,000",
        "  target tokens/s           400,000  (390,000 to 410,000 in 9 updates)",
        "  share of peak (MFU)       33.3 %",
        "  peak memory               12.3 GB",
        "  time per update           62.5 ms of 25,000 target tokens",
        "                            computed from updates of 2,000: whole ones take too long to measure",
        "  time to finish            1h44m for 100,000 updates; validation and checkpoints come on top",
        "Where an update goes          forward   backward     share   of peak",
        "  decoder cross-attention      1.2 ms     2.4 ms    90.0 %      41 %",
        "  gradient norm, optimiser     0.4 ms               10.0 %",
        "  all                          1.6 ms     2.4 ms   100.0 %",
        "Translation                   lines/s   target tokens/s   of peak   (cuda (Some GPU), bf16)",
        "  greedy                      1,234.5            34,568       1 %   "
        "(1,200.0 to 1,250.0 lines/s in 12 passes over 256 lines)",
        "  beam 4                        300.0             8,400       2 %   "
        "(300.0 to 300.0 lines/s in one pass over 64 lines)",
    ):
        assert f"\n{line}\n" in f"\n{text}\n"


def test_training_in_another_precision_than_translation_has_a_peak_of_its_own() -> None:
    training = replace(TRAINING, peak=Peak(1.2e12, published=False), ways={})
    lines = table(Bench(MACHINE, WORK, training, TRANSLATION))
    row = "  peak in the shares below  1.2 TFLOP/s, measured for training; 989.0 TFLOP/s, published for translation"
    assert row in lines
    assert not any("measured, tokens/s" in line for line in lines)


def test_a_trained_model_has_no_training() -> None:
    lines = table(Bench(MACHINE, WORK, None, TRANSLATION))
    assert not any("Training" in line or "update" in line for line in lines)
