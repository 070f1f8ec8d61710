"""Solo recordings made from nothing: phrases composed from a seed and played by sampled instruments.

``compose`` writes a phrase in the style of an instrument, ``Synthesizer`` plays it from a SoundFont 2 bank, and
``render_corpus`` does both for every instrument, keeping the exact onset, offset and pitch of every note.
"""
