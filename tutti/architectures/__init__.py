"""Architectures, one module each: the module's name is what ``params.yaml`` writes after ``architecture:``.

A module holds ``Config`` and either ``build(config, input_shape, n_classes)`` for a Keras network (its ``Config``
extends ``NetworkConfig``) or ``fit``, ``save`` and ``load`` of an estimator (``EstimatorConfig``).
"""
