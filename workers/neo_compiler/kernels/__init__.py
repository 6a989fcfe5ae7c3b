"""Kernels written directly in TIR instead of relax operators: decision trees and recurrent layers."""
