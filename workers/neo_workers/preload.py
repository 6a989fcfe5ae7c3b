"""Imported by the process that compile children fork from: everything a child needs is loaded here, nothing is run."""

from neo_workers import pipeline

pipeline.preload()
