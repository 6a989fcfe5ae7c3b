"""The job engine and the compiler of neo-emulator.

The API reaches this package only through `jobs`, `store`, `queue`, `settings` and `errors`; none of these imports tvm.
"""
