"""What a unit saw in a window: deconvolution after Zeiler & Fergus 2014, section 2.1.

The window goes up through the network, and every max-pooling remembers where its maxima were (its *switches*; block 4's
global pooling has one a unit). A unit's map at the end of a block, all other units set to 0, then goes back down:

- unpooling puts each value where its maximum was and 0 elsewhere (where a rectifier makes a whole field 0, that is
  where the field was largest before it, as the network's own order of pooling and activation has it);
- the rebuilt map is rectified by the layer's own rectifier, so that it is one that the layer could have given: ReLU
  takes away what is negative; leaky and parametric ReLU shrink it by their slope, because their maps do hold negative
  values; tanh gives values of both signs, so there is nothing to rectify (squashing once more would only make the
  image depend on its own scale). What comes from above the first unpooling is a map of the network and stays as it is;
- a transposed convolution by the same filters, without biases. Convolutions with *full* padding grow an image by 2 in
  both directions, so on the way back they shrink it by 2.

Every step keeps factors above 0, so an image can be scaled at will. The image is in the network's standardised units
(deviations of each frequency bin over the training clips): adding the mean spectrum back would hide the sign, which
says whether the unit asks for more or for less energy than usual at a place.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tutti.errors import ParameterError
from tutti.inside.activations import BLOCKS, block_ends

Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Trace:
    """What one window left in the network; each tuple holds one entry a block, block 1 first.

    Attributes:
        maps: ``(time, frequency, unit)`` float32 at the block's end; block 4's is ``(1, 1, unit)``.
        switches: of the same shapes, int64: the flat place ``time x width + frequency`` of each maximum in the image
            before the pooling.
        sizes: ``(time, frequency)`` of that image.
    """

    maps: tuple[Float32, ...]
    switches: tuple[Int64, ...]
    sizes: tuple[tuple[int, int], ...]

    def strongest(self, block: int, count: int) -> list[int]:
        """Return the units of a block with the highest maximum of their map, the highest first.

        Args:
            block: 1 to 4.
            count: how many; all where the block has fewer.

        Raises:
            ParameterError: when there is no such block.
        """
        peaks = self.maps[_index(block)].max(axis=(0, 1))
        return [int(unit) for unit in np.argsort(-peaks, kind="stable")[:count]]

    def only(self, block: int, unit: int) -> Float32:
        """Return a block's maps ``(time, frequency, unit)`` with all units but one set to 0.

        Raises:
            ParameterError: when there is no such block or unit.
        """
        maps = self.maps[_index(block)]
        if not 0 <= unit < maps.shape[-1]:
            raise ParameterError(f"unit {unit} is not in block {block}: choose one of 0 to {maps.shape[-1] - 1}")
        alone = np.zeros_like(maps)
        alone[..., unit] = maps[..., unit]
        return alone


class Deconvolver:
    """A network of the architecture ``han_cnn``, ready to go up and down; best in float32 (``float32_network``)."""

    def __init__(self, network: Any) -> None:
        import keras

        pools = [network.get_layer(f"block{number}_pool") for number in BLOCKS]
        self._up = keras.Model(network.input, [*(pool.input for pool in pools), *block_ends(network)])
        self._fields = [getattr(pool, "pool_size", None) for pool in pools]
        self._kernels = [_mirrored(network.get_layer(name)) for name in _names("conv")]
        self._slopes = [_slope(network.get_layer(name)) for name in _names("act")]

    def trace(self, window: Float32) -> Trace:
        """Send one window ``(time, frequency)`` up and return what it left."""
        found = [np.asarray(tensor, np.float32)[0] for tensor in self._up(window[None], training=False)]
        images, ends = found[: len(BLOCKS)], found[len(BLOCKS) :]
        ends[-1] = ends[-1][None, None]  # the global pooling leaves neither time nor frequency
        sizes = tuple((image.shape[0], image.shape[1]) for image in images)
        switches = tuple(
            switches_of(image, field or size) for image, field, size in zip(images, self._fields, sizes, strict=True)
        )
        return Trace(tuple(ends), switches, sizes)

    def image(self, trace: Trace, block: int, unit: int) -> Float32:
        """Return what a unit saw, ``(time, frequency)`` like the window, in standardised units.

        Args:
            trace: what the window left.
            block: 1 to 4.
            unit: from 0.

        Raises:
            ParameterError: when there is no such block or unit.
        """
        return self.down(trace, block, trace.only(block, unit))

    def down(self, trace: Trace, block: int, signal: Float32) -> Float32:
        """Bring any signal ``(time, frequency, unit)`` at the end of a block down to an image ``(time, frequency)``.

        Raises:
            ParameterError: when there is no such block.
        """
        for number in range(_index(block), -1, -1):
            signal = unpooled(signal, trace.switches[number], trace.sizes[number])
            first, second = 2 * number, 2 * number + 1
            if number < block - 1:
                signal = _rectified(signal, self._slopes[second])
            signal = _transposed(signal, self._kernels[second])
            signal = _rectified(signal, self._slopes[first])
            signal = _transposed(signal, self._kernels[first])
        return signal[..., 0]


def switches_of(image: Float32, field: tuple[int, int]) -> Int64:
    """Return where the maxima are that a max-pooling without padding takes; the first of several equal ones.

    Args:
        image: ``(time, frequency, unit)``.
        field: frames and bins of a pooling field, which is also the distance between two.

    Returns:
        ``(time // frames, frequency // bins, unit)``, flat places ``time x width + frequency`` in the image.
    """
    frames, bins = field
    rows, columns, width = image.shape[0] // frames, image.shape[1] // bins, image.shape[1]
    kept = image[: rows * frames, : columns * bins].reshape(rows, frames, columns, bins, -1)
    within = kept.transpose(0, 2, 1, 3, 4).reshape(rows, columns, frames * bins, -1).argmax(axis=2)
    time = np.arange(rows)[:, None, None] * frames + within // bins
    frequency = np.arange(columns)[None, :, None] * bins + within % bins
    return np.asarray(time * width + frequency, np.int64)


def unpooled(signal: Float32, switches: Int64, size: tuple[int, int]) -> Float32:
    """Return an image ``(*size, unit)``: each value of ``(time, frequency, unit)`` at its switch, 0 elsewhere."""
    units = signal.shape[-1]
    image = np.zeros((size[0] * size[1], units), np.float32)
    np.put_along_axis(image, switches.reshape(-1, units), signal.reshape(-1, units), axis=0)
    return image.reshape(*size, units)


def _rectified(signal: Float32, slope: Float32) -> Float32:
    return np.asarray(np.where(signal > 0, signal, slope * signal), np.float32)


def _transposed(signal: Float32, kernel: Float32) -> Float32:
    """Undo a convolution with full padding: one without padding, by the mirrored filters."""
    import tensorflow as tf

    image = tf.nn.conv2d(signal[None], kernel, strides=1, padding="VALID")
    return np.asarray(image[0], np.float32)


def _mirrored(convolution: Any) -> Float32:
    """Return a layer's filters mirrored in time and frequency, its inputs and outputs exchanged."""
    kernel = np.asarray(convolution.get_weights()[0], np.float32)
    return np.ascontiguousarray(kernel[::-1, ::-1].transpose(0, 1, 3, 2))


def _slope(layer: Any) -> Float32:
    """Return the slope of an activation below 0, one number or one a unit; 1 where it rectifies nothing (tanh)."""
    if hasattr(layer, "alpha"):
        return np.asarray(layer.alpha, np.float32)
    slope = layer.slope if hasattr(layer, "slope") else {"relu": 0.0, "tanh": 1.0}[layer.activation.__name__]
    return np.array([slope], np.float32)


def _names(kind: str) -> list[str]:
    """Return the names of a kind of layer in all blocks, from the input upwards."""
    return [f"block{block}_{kind}{number}" for block in BLOCKS for number in (1, 2)]


def _index(block: int) -> int:
    if block not in BLOCKS:
        raise ParameterError(f"block {block} does not exist: choose one of {', '.join(map(str, BLOCKS))}")
    return block - 1
