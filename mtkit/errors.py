"""The errors that mtkit raises on purpose.

MtkitError                 anything a user can fix; the command line prints it on one line and exits with 1
├── ConfigError            the settings do not describe a valid run (exit code 2)
├── DataError              a corpus or an input file is missing, misaligned or malformed
├── VocabularyError        the tokenizer cannot be trained as asked, or does not belong to the model
├── CheckpointError        a run directory, checkpoint or bundle is absent, torn or from another run
├── TrainingError           training diverged
├── DeviceError            the device asked for is absent or out of memory
│   └── UnknownDeviceError no device or precision has this name (exit code 2)
├── GateError              a quality gate failed (exit code 3)
├── Interrupted            a signal ended the run with everything saved (exit code 75)
└── Stopped                a signal ended a command, with nothing to go on from (exit code 130)

ReaderGone                 nobody reads the results any more; a command ends with 0 and without a word

Everything else that escapes is a bug and keeps its traceback.
"""


class MtkitError(Exception):
    """Base of every error that a user can fix."""

    exit_code = 1


class ConfigError(MtkitError):
    """The settings do not describe a valid run."""

    exit_code = 2


class DataError(MtkitError):
    """A corpus or an input file is missing, misaligned or malformed."""


class VocabularyError(MtkitError):
    """The tokenizer cannot be trained as asked, or does not belong to the model."""


class CheckpointError(MtkitError):
    """A run directory, checkpoint or bundle is absent, torn or from another run."""


class TrainingError(MtkitError):
    """Training diverged."""


class DeviceError(MtkitError):
    """The device asked for is absent or out of memory."""


class UnknownDeviceError(DeviceError):
    """No device or precision has this name."""

    exit_code = 2


class GateError(MtkitError):
    """A quality gate failed."""

    exit_code = 3


class Interrupted(MtkitError):
    """A signal ended the run with everything saved; the same command goes on."""

    exit_code = 75


class Stopped(MtkitError):
    """A signal ended a command before there was anything to go on from."""

    exit_code = 130


class ReaderGone(Exception):
    """Nobody reads the results any more, as when they go to ``head``."""


def reason(error: OSError) -> str:
    """What the system says of a failure, without the name of the file: ``No such file or directory``."""
    return error.strerror or str(error)
