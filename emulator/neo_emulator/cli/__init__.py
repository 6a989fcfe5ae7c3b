"""What the subcommands of `neo-emulator` do. cli.py has their arguments, and imports each module when asked for."""
