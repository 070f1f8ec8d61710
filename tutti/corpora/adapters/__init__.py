"""One module a data set layout; its name is the ``adapter`` of a corpus in ``params.yaml``.

A module defines ``Config(AdapterConfig)``, the constants ``LICENCE`` and ``CITATION``, and
``read(root, config) -> Iterator[Entry]``: what stands under a root, sorted by recording, without decoding audio.
"""
