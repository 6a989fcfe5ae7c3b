"""The processes of `neo-emulator serve`, supervised, and the private Valkey."""
