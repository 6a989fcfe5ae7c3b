"""The subcommands of `neo-emulator`. main.py defines their arguments and imports each module on demand."""
