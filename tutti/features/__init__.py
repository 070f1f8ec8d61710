"""Features: a module's name is the name of its extractor; modules that begin with an underscore are shared parts.

Every extractor has ``Config(FeatureConfig)``, with ``frame_rate_hz``, ``n_bins`` and ``frames_for(n_samples)``, and
``extract(samples, config)``: mono samples ``(n,)`` at ``config.sample_rate_hz`` to float32 ``(time, frequency)``.
"""
