from mtkit.machine.processor import cpu_kind, cpu_name


def test_a_processor_has_a_name_and_a_kind_that_begins_with_it() -> None:
    assert cpu_name().strip() == cpu_name() != ""
    assert cpu_kind().startswith(cpu_name())
    assert "\n" not in cpu_kind()
