"""Decoding in processes of its own: a picture that crashes its decoder, or keeps it busy for ever, costs itself alone.

``pool`` hands pictures to worker processes, ``process`` is one of them as seen from here, ``worker`` is the program that it runs,
``frames`` and ``answers`` are what goes between, and ``ranges`` a file of which only parts do. Nothing is imported here: each
worker would pay for it in memory.
"""
