"""From an IRModule to a library: tvm is imported at the top here, so only the compile child imports these modules."""
