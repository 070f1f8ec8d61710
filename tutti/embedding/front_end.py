"""VGGish's front end in TensorFlow operations, so that it is part of the SavedModel.

Hershey et al. 2017, section 3.1, with the constants of the published model: magnitudes of windows of 25 ms each 10 ms
(periodic Hann, no padding), 64 mel bands from 125 to 7500 Hz (HTK's scale, triangles in mel), natural logarithm of the
band plus 0.01, patches of 96 windows without overlap.
"""

from typing import Any

from tutti.features.vggish import HOP, PATCH, RATE_HZ, WINDOW
from tutti.process import quiet_libraries

with quiet_libraries():  # TensorFlow tells at import, past every log level, what hardware it lacks
    import tensorflow as tf

    tf.config.list_physical_devices("GPU")

N_FFT, N_MELS, LOWEST_HZ, HIGHEST_HZ = 512, 64, 125.0, 7500.0
OFFSET = 0.01  # added before the logarithm


@tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])  # type: ignore[untyped-decorator]
def mel_magnitudes(waveform: Any) -> Any:
    """Return the mel bands ``(window, 64)`` of the magnitudes of a waveform ``(n,)`` at 16 kHz."""
    spectrum = tf.signal.stft(waveform, WINDOW, HOP, N_FFT, tf.signal.hann_window)
    bank = tf.signal.linear_to_mel_weight_matrix(N_MELS, N_FFT // 2 + 1, RATE_HZ, LOWEST_HZ, HIGHEST_HZ)
    return tf.matmul(tf.abs(spectrum), bank)


def patches(waveform: Any) -> Any:
    """Return the log-mel patches ``(patch, 96, 64)`` of a waveform ``(n,)`` at 16 kHz; none below 0.975 s."""
    bands = tf.math.log(mel_magnitudes(waveform) + OFFSET)
    count = tf.shape(bands)[0] // PATCH
    return tf.reshape(bands[: count * PATCH], (count, PATCH, N_MELS))
