"""The command `placard`, as `python -m app` too."""

import signal


def main() -> None:
    """Load the command line, and run it; Ctrl-C while it loads ends it at once, in silence."""
    # Python's own handler would print a traceback of whatever is being imported just then.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from app.cli import main as run  # noqa: PLC0415 - it takes most of a second

    run()


if __name__ == "__main__":
    main()
