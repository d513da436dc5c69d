"""What can go wrong in the engine, as a user sees it. No message ever holds a property value marked secret.

EngineError
├── ProjectError        Pulumi.yaml or the stack's config cannot be used
├── StateError          the checkpoint cannot be read, written or trusted
│   └── StackLocked     another update holds the stack
├── Unsupported         the program uses something that this engine does not support; `pulumi` does
├── ProgramFailed       the Pulumi program itself ended with an error
└── UpdateFailed        one or more steps failed; what succeeded is in the state

StepStopped is separate: it ends the work on one resource after its failure was reported.
"""


class EngineError(Exception):
    """The run cannot continue; the message is for the user and needs no traceback."""


class ProjectError(EngineError):
    """Pulumi.yaml or a stack's configuration file is missing or malformed."""


class StateError(EngineError):
    """The checkpoint could not be read, written or trusted."""


class StackLocked(StateError):
    """Another update holds the stack's lock."""


class Unsupported(EngineError):
    """The program uses a feature that this engine refuses rather than ignores."""

    def __init__(self, feature: str, place: str) -> None:
        """Word the refusal: `feature` as Pulumi names it, `place` the URN or file that uses it."""
        super().__init__(
            f"{place}: {feature} is not supported by the embedded engine; "
            "install the Pulumi CLI and run with --engine pulumi"
        )


class ProgramFailed(EngineError):
    """The Pulumi program ended with an error before all its resources were registered."""


class UpdateFailed(EngineError):
    """At least one step failed. The steps that succeeded are recorded in the state."""


class StepStopped(Exception):
    """This resource was not processed, or its step failed; the failure has been reported already."""
