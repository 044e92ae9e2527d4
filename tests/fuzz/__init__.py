"""Every kind of file that mtkit reads, damaged at random: no traceback, no hang, no full memory, no other data unsaid.

``python -m tests.fuzz --seconds 120 --seed 1`` runs it for as long as is asked for; the same seed damages the same.
"""
