"""Kernels that are written as TIR, not made from relax operators: trees and recurrent layers."""
