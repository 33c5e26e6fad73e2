"""`python -m aligntui` is the same as the `aligntui` command."""

from aligntui.cli import main

if __name__ == "__main__":
    main()
