"""Augmentation of sound: stretched, shifted in pitch, noisy, and with stripes of it masked.

A sound is changed before it becomes a tensor, so there is one copy of this for the three
frameworks. With n samples y and a spectrogram S:

    time stretch       round(factor n) samples, at the pitch they had
    pitch shift        n samples, with every frequency times 2**(semitones / 12)
    noise              y + g noise, with g such that 10 log10(P_signal / P_noise) = snr_db
    time mask          S[:, start : start + width] = value
    frequency mask     S[start : start + width, :] = value
    SpecAugment        some masks of both kinds, with random widths and places

Shapes: waveforms (..., samples), spectrograms (..., frequencies, frames). What stands in the
leading axes are examples; each is changed by itself, and those of a batch draw each their own
numbers. The channels of stereo are examples too; where masks are the same for them, draw with 1 in
place of their axis. float32 and float64 stay what they are. Nothing that is given is changed. A
``ValueError`` says which argument does not fit. NaN and infinity in a waveform are refused, since
a Fourier transform would spread them; a spectrogram may hold them (the log of silence is -inf).

Draws come from a ``Stream``, an address (seed, name, step): the same address gives the same
numbers in every process and beside every framework. An epoch of noisy speech, each example at an
SNR of its own:

    noise = draw_noise(Stream(seed, "noise", epoch), y.shape, dtype="float32")
    snr_db = 5 + 15 * uniform(Stream(seed, "snr", epoch), y.shape[:-1])
    noisy = add_noise(y, noise, snr_db)
    magnitude = np.abs(stft(noisy, window_length=512))
    masked = spec_augment(np.log(magnitude + 1e-6), Stream(seed, "masks", epoch), value="mean")

Papers: Flanagan and Golden, "Phase vocoder", Bell System Technical Journal 45, 1966. Laroche and
Dolson, "Improved phase vocoder time-scale modification of audio", IEEE Transactions on Speech and
Audio Processing 7, 1999. Griffin and Lim, "Signal estimation from modified short-time Fourier
transform", IEEE Transactions on Acoustics, Speech, and Signal Processing 32, 1984: the inverse.
Park et al., "SpecAugment: A simple data augmentation method for automatic speech recognition",
Interspeech 2019, whose time warping is left out: it helped them least, and is the most work.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.signal import resample

from scratch.streams import normal, uniform
from triptych.common.checks import (
    MOST,
    check_array,
    check_draw,
    check_finite,
    check_flag,
    check_integer,
    check_noise_shape,
    check_number,
    check_same_shape,
    check_size,
    dtype_name,
    shown,
)
from triptych.common.streams import Stream

__all__ = [
    "stft",
    "istft",
    "phase_vocoder",
    "time_stretch",
    "pitch_shift",
    "draw_noise",
    "add_noise",
    "draw_mask",
    "time_mask",
    "frequency_mask",
    "spec_augment",
]


# Short-time Fourier transform.


def stft(y: np.ndarray, *, window_length: int = 2048, hop: int | None = None) -> np.ndarray:
    """The spectrum of every stretch of ``window_length`` samples, ``hop`` samples apart.

        X[b, t] = sum over m of  w[m] y[t hop + m - N/2] exp(-2 pi i b m / N),   0 <= m < N
        w[m] = (1 - cos(2 pi m / N)) / 2                                         (Hann, periodic)

    with N = ``window_length``, an even integer >= 4, and y = 0 outside of its n samples: frame t
    has sample t hop in its centre. ``hop`` is at most N/2; without it, it is N/4. Returns complex
    numbers of the precision of y, shape (..., N/2 + 1, 1 + floor(n / hop)). Frequency b is
    b sample_rate / N hertz.

    Equal to ``librosa.stft``, and to ``torch.stft`` with ``pad_mode="constant"``; PyTorch's default
    and ``keras.ops.stft`` mirror y at its ends.
    """
    _check_waveform("y", y)
    window_length, hop = _check_window(window_length, hop)
    padded = np.pad(y, _last_axis(y, window_length // 2, window_length // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window_length, axis=-1)
    windowed = frames[..., ::hop, :] * _hann(window_length).astype(y.dtype)
    return np.fft.rfft(windowed).swapaxes(-1, -2)


def istft(spectrogram: np.ndarray, length: int, *, hop: int | None = None) -> np.ndarray:
    """The ``length`` samples whose transform is nearest to ``spectrogram`` (Griffin and Lim).

        y[j] = sum over t of  w[m] x_t[m]  /  sum over t of  w[m]**2,   m = j - t hop + N/2

    where x_t is the inverse Fourier transform of frame t. It gives back what went into ``stft``
    with the same ``hop``, to rounding. ``length`` is at most frames times hop. Where hop is near to
    N/2, the last samples may stand at the rim of the last window alone, and lose digits.
    """
    _check_spectrum(spectrogram)
    window_length, hop = _check_window(2 * (spectrogram.shape[-2] - 1), hop)
    count = spectrogram.shape[-1]
    length = check_integer("length", length, minimum=1, maximum=count * hop)
    window = _hann(window_length)
    frames = np.fft.irfft(spectrogram.swapaxes(-1, -2), window_length)
    total = _overlap_add(frames * window.astype(frames.dtype), hop)
    weight = _overlap_add(np.tile(window**2, (count, 1)), hop).astype(frames.dtype)
    inside = slice(window_length // 2, window_length // 2 + length)
    return total[..., inside] / weight[inside]


def _hann(length: int) -> np.ndarray:
    return np.hanning(length + 1)[:-1]


def _overlap_add(frames: np.ndarray, hop: int) -> np.ndarray:
    """The sum of frames (..., count, length), each ``hop`` samples after the one before."""
    *leading, count, length = frames.shape
    pieces = -(-length // hop)  # each piece of a frame falls on a row of ``total``
    frames = np.pad(frames, _last_axis(frames, 0, pieces * hop - length))
    total = np.zeros((*leading, count + pieces - 1, hop), frames.dtype)
    for i in range(pieces):
        total[..., i : i + count, :] += frames[..., i * hop : (i + 1) * hop]
    return total.reshape(*leading, -1)


def _last_axis(array: np.ndarray, before: int, after: int) -> list[tuple[int, int]]:
    """What ``np.pad`` takes to lengthen the last axis alone."""
    return [(0, 0)] * (array.ndim - 1) + [(before, after)]


# Time and pitch.


def phase_vocoder(
    spectrogram: np.ndarray, factor: float, *, hop: int | None = None, locked: bool = True
) -> np.ndarray:
    """What ``stft`` would give for the same sound, ``factor`` times as long.

    Frame k of the result Z stands at t = k / factor in X, between the frames i = floor(t) and
    i + 1, at the share a = t - i. Its magnitude is interpolated, and its phase goes on from frame
    to frame as fast as it does in X:

        |Z[b, k]| = (1 - a) |X[b, i]| + a |X[b, i + 1]|
        arg Z[b, k + 1] = arg Z[b, k] + hop v[b, i],      arg Z[b, 0] = arg X[b, 0]
        hop v[b, i] = e + wrap(arg X[b, i + 1] - arg X[b, i] - e),   e = 2 pi b hop / N

    v is the frequency in radians a sample, e what a tone at the middle of bin b would turn by, and
    wrap brings the rest into [-pi, pi]; for that to be right in the whole peak of a tone, hop is at
    most N/4, which it is without being given. After its last frame X is 0. Z has a frame for every
    k with t < frames.

    So each bin turns by itself, and those of one tone part and weaken one another: what is made
    longer loses some tenth of its amplitude, and voices sound distant ("phasiness"). ``locked`` is
    the remedy of Laroche and Dolson, identity phase locking: only bins that are peaks of |Z[:, k]|
    (larger than two neighbours on each side) turn by the rule above; all others keep the angle that
    they have in X to the peak p that is nearest:

        arg Z[b, k] = arg Z[p, k] + arg X[b, i] - arg X[p, i],   k > 0

    Not locked, it is ``librosa.phase_vocoder`` with rate = 1 / factor, except that librosa sums the
    phases of complex64 in float32: of white noise at 22050 Hz the error is 20 dB below the sound
    after 10 s, and 2 dB after 60 s. Here it is float64. And k / factor is a division here and k
    times rate there, which by rounding may fall on either side of a frame of X.
    """
    _check_spectrum(spectrogram)
    _, hop = _check_window(2 * (spectrogram.shape[-2] - 1), hop, overlap=4)
    factor = _check_factor(factor, spectrogram.shape[-1], "frames")
    check_flag("locked", locked)
    return _phase_vocoder(spectrogram, factor, hop, locked)


def _phase_vocoder(spectrogram: np.ndarray, factor: float, hop: int, locked: bool) -> np.ndarray:
    # Frames come first: (frames, ..., frequencies).
    x = np.moveaxis(spectrogram, -1, 0).astype(np.complex128)
    x = np.concatenate([x, np.zeros_like(x[:1])])
    frequencies = x.shape[-1]
    expected = np.pi * hop * np.arange(frequencies) / (frequencies - 1)

    # Divided, not multiplied by 1 / factor: a frame that falls on one of X must not fall below it.
    count = len(x) - 1
    times = np.arange(math.ceil(count * factor) + 1) / factor
    times = times[times < count]
    i = times.astype(int)
    share = (times - i).reshape(-1, *(1,) * (x.ndim - 1))

    amplitude, phase = np.abs(x), np.angle(x)
    magnitude = (1 - share) * amplitude[i] + share * amplitude[i + 1]
    excess = np.diff(phase, axis=0) - expected
    turn = expected + excess - 2 * np.pi * np.round(excess / (2 * np.pi))

    if locked:
        angle = _locked_angles(phase[i], turn[i], _nearest_peaks(magnitude))
    else:
        angle = np.cumsum(np.concatenate([phase[:1], turn[i[:-1]]]), axis=0)
    return np.moveaxis(magnitude * np.exp(1j * angle), 0, -1).astype(spectrogram.dtype)


def _nearest_peaks(magnitude: np.ndarray) -> np.ndarray:
    """For every bin the index of the peak that is nearest, the lower of two."""
    bins = magnitude.shape[-1]
    at = np.pad(magnitude, _last_axis(magnitude, 2, 2), constant_values=-1)
    left = np.maximum(at[..., 1 : bins + 1], at[..., :bins])
    right = np.maximum(at[..., 3 : bins + 3], at[..., 4:])
    peak = (magnitude > left) & (magnitude >= right)  # the first of the largest is always one
    index = np.arange(bins)
    below = np.maximum.accumulate(np.where(peak, index, -2 * bins), axis=-1)
    above = np.minimum.accumulate(np.where(peak, index, 3 * bins)[..., ::-1], axis=-1)[..., ::-1]
    return np.where(index - below <= above - index, below, above)


def _locked_angles(phase: np.ndarray, turn: np.ndarray, peak: np.ndarray) -> np.ndarray:
    angle = phase.copy()
    for k in range(1, len(angle)):
        free = angle[k - 1] + turn[k - 1] - phase[k]
        angle[k] += np.take_along_axis(free, peak[k], axis=-1)
    return angle


def time_stretch(
    y: np.ndarray,
    factor: float,
    *,
    window_length: int = 2048,
    hop: int | None = None,
    locked: bool = True,
) -> np.ndarray:
    """``factor`` times as long, at the same pitch: ``stft``, ``phase_vocoder``, ``istft``.

    ``factor`` in (0, inf); 2 is half as fast. Returns (..., round(factor samples)), at least one
    sample. What is shorter than a window, a drum or a consonant, is smeared. A window has to be
    several periods of the lowest tone long: 2048 samples suit music at 22050 Hz, 512 speech at
    16000 Hz. Not locked, it is ``librosa.effects.time_stretch`` with rate = 1 / factor.
    """
    _check_waveform("y", y)
    window_length, hop = _check_window(window_length, hop, overlap=4)
    factor = _check_factor(factor, y.shape[-1], "samples")
    check_flag("locked", locked)
    length = round(factor * y.shape[-1])
    if not length:
        raise ValueError(
            f"factor must leave at least 1 sample, got {factor:g} for {y.shape[-1]} samples"
        )
    return _stretched(y, factor, length, window_length, hop, locked)


def _stretched(
    y: np.ndarray, factor: float, length: int, window_length: int, hop: int, locked: bool
) -> np.ndarray:
    spectrogram = stft(y, window_length=window_length, hop=hop)
    return istft(_phase_vocoder(spectrogram, factor, hop, locked), length, hop=hop)


def pitch_shift(
    y: np.ndarray,
    semitones: float,
    *,
    window_length: int = 2048,
    hop: int | None = None,
    locked: bool = True,
) -> np.ndarray:
    """As many samples, with every frequency times 2**(semitones / 12).

    It is ``time_stretch`` by that factor, to L samples, and then these resampled to the samples of
    y: played faster they are as long as before, and higher. ``semitones`` lies in [-120, 120], and
    need not be whole; 12 are an octave. What comes above half of the sample rate is gone. The
    sample rate itself does not enter.

    ``scipy.signal.resample`` interpolates with Fourier's series; L zeros are put after the sound
    before, since to the series its end is next to its beginning. ``librosa.effects.pitch_shift``
    is not locked, resamples with soxr, and has the ratio exact where we have L / samples, so that
    it drifts away by at most half of one of the L samples, 1 / (2 factor) of those of y.
    """
    _check_waveform("y", y)
    window_length, hop = _check_window(window_length, hop, overlap=4)
    factor = 2 ** (check_number("semitones", semitones, "[-120, 120]") / 12)
    check_flag("locked", locked)
    samples = y.shape[-1]
    length = max(round(factor * samples), 1)
    stretched = _stretched(y, factor, length, window_length, hop, locked)
    padded = np.pad(stretched, _last_axis(y, 0, length))
    return resample(padded, 2 * samples, axis=-1)[..., :samples]


# Noise.


def draw_noise(stream: Stream, shape: tuple[int, ...], *, dtype: str = "float32") -> np.ndarray:
    """White noise: standard normal numbers of ``shape``."""
    return normal(stream, shape, dtype=dtype)


def add_noise(y: np.ndarray, noise: np.ndarray, snr_db: float | np.ndarray) -> np.ndarray:
    """``noise`` is added, so loud that the signal-to-noise ratio is ``snr_db`` decibels.

        SNR = 10 log10(P_signal / P_noise),   P = the mean of the squares of an example
        y + g noise,   g = sqrt(P_signal / P_noise) 10**(-snr_db / 20)

    ``noise`` has the shape and dtype of y. ``snr_db`` in [-200, 200] is a number, or an array with
    one for every example, of shape y.shape[:-1]. Silence has no such ratio, and is refused. It is
    ``torchaudio.functional.add_noise`` without lengths.
    """
    _check_waveform("y", y)
    _check_waveform("noise", noise)
    check_same_shape("noise", noise, y)
    if dtype_name(noise) != dtype_name(y):
        raise ValueError(
            f"noise must have the dtype of y, {dtype_name(y)}, got {dtype_name(noise)}"
        )
    ratio = _check_snr(snr_db, y.shape[:-1])
    gain = np.sqrt(_power("y", y) / _power("noise", noise)) * 10 ** (-ratio / 20)
    return y + (gain[..., np.newaxis] * noise).astype(y.dtype)


def _power(name: str, y: np.ndarray) -> np.ndarray:
    """Of each example, in float64."""
    with np.errstate(over="ignore"):
        power = np.asarray(np.mean(np.square(y, dtype=np.float64), axis=-1))
    if not np.isfinite(power).all():
        raise ValueError(
            f"{name} must have a finite power for a signal-to-noise ratio, "
            f"got values up to {np.abs(y).max():g}"
        )
    if not power.all():
        where = np.argwhere(power == 0)[0].tolist()
        example = f" in example {', '.join(map(str, where))}" if where else ""
        raise ValueError(
            f"{name} must have a power above 0 for a signal-to-noise ratio, got silence{example}"
        )
    return power


# Masks.


def draw_mask(
    stream: Stream, shape: tuple[int, ...], size: int, max_width: int
) -> tuple[np.ndarray, np.ndarray]:
    """The (start, width) of masks on an axis of ``size``, two arrays of integers of ``shape``.

        width = floor(u (max_width + 1)),   start = floor(v (size - width + 1))

    Every width in 0..max_width is as probable as another, and so is every place where it fits;
    ``max_width`` is at most ``size``. Draws: u, v = ``uniform(stream, (2, *shape))``.
    """
    check_draw(stream, shape)
    size = check_size("size", size)
    max_width = check_integer("max_width", max_width, maximum=size)
    u, v = uniform(stream, (2, *shape), dtype="float64")
    return _placed(u, v, size, max_width)


def _placed(u: Any, v: Any, size: int, max_width: int) -> tuple[np.ndarray, np.ndarray]:
    width = np.floor(u * (max_width + 1)).astype(np.int64)
    return np.floor(v * (size - width + 1)).astype(np.int64), width


def time_mask(
    spectrogram: np.ndarray,
    start: int | np.ndarray,
    width: int | np.ndarray,
    *,
    value: float | str = 0.0,
) -> np.ndarray:
    """Frames ``start`` to ``start + width``, the last excluded, become ``value``.

    ``start`` and ``width`` are integers, or arrays of them with one for each example: they have the
    shape spectrogram.shape[:-2], or 1 in place of an axis that shares a mask. ``value`` is a
    number, or "mean", that of the example before it was masked. The spectrogram is real (of mel
    frequencies or logarithms, as you like) or complex.
    """
    return _masked_by("frames", spectrogram, start, width, value)


def frequency_mask(
    spectrogram: np.ndarray,
    start: int | np.ndarray,
    width: int | np.ndarray,
    *,
    value: float | str = 0.0,
) -> np.ndarray:
    """As ``time_mask``, of the frequencies ``start`` to ``start + width``."""
    return _masked_by("frequencies", spectrogram, start, width, value)


def spec_augment(
    spectrogram: np.ndarray,
    stream: Stream,
    *,
    frequency_masks: int = 2,
    frequency_width: int = 27,
    time_masks: int = 2,
    time_width: int = 100,
    time_fraction: float = 1.0,
    value: float | str = 0.0,
    noise_shape: Sequence[int | None] | None = None,
) -> np.ndarray:
    """SpecAugment: masks of frequencies and of frames, of random widths at random places.

        width ~ U{0, ..., W},   start ~ U{0, ..., size - width}
        frequencies   W = min(frequency_width, frequencies)
        frames        W = min(time_width, floor(time_fraction frames))

    The defaults are the paper's policy LD, for LibriSpeech in frames of 10 ms and 80 frequencies on
    the mel scale: F = 27, m_F = 2, T = 100, m_T = 2, p = 1. Its spectrograms have mean 0, so that
    ``value`` 0 is the mean; else say "mean". Masks may lie over one another.

    ``noise_shape`` has, for each leading axis, None where its examples draw their own masks and 1
    where they share one: (None, 1) for a batch of stereo. Draws: (masks, 2, ...) numbers, u and v
    of ``draw_mask`` for each mask, those of frequencies first.

    The paper's start is below size - width, so the last place is never taken; torchaudio rounds a
    width in [0, W) down, so none is W wide. Here both may be.
    """
    _check_spectrogram(spectrogram)
    check_draw(stream, ())
    shape = check_noise_shape(noise_shape, spectrogram.shape[:-2])
    time_fraction = check_number("time_fraction", time_fraction, "[0, 1]")
    frequencies, frames = spectrogram.shape[-2:]
    widest = min(check_size("frequency_width", frequency_width, minimum=0), frequencies)
    longest = check_size("time_width", time_width, minimum=0)
    longest = min(longest, math.floor(time_fraction * frames))
    bands = check_size("frequency_masks", frequency_masks, minimum=0)
    spans = check_size("time_masks", time_masks, minimum=0)
    fill = _fill(spectrogram, value)

    drawn = uniform(stream, (bands + spans, 2, *shape), dtype="float64")
    masks = [("frequencies", *_placed(u, v, frequencies, widest)) for u, v in drawn[:bands]]
    masks += [("frames", *_placed(u, v, frames, longest)) for u, v in drawn[bands:]]
    inside = np.zeros((*shape, frequencies, frames), bool)
    for axis, start, width in masks:
        inside |= _inside(axis, spectrogram.shape, start, width)
    return np.where(inside, fill, spectrogram)


def _masked_by(axis: str, spectrogram: Any, start: Any, width: Any, value: Any) -> np.ndarray:
    _check_spectrogram(spectrogram)
    fill = _fill(spectrogram, value)
    start, width = _check_mask(axis, spectrogram.shape, start, width)
    return np.where(_inside(axis, spectrogram.shape, start, width), fill, spectrogram)


def _inside(axis: str, shape: tuple[int, ...], start: Any, width: Any) -> np.ndarray:
    """Booleans that broadcast to ``shape``: what the masks cover."""
    position = np.arange(shape[-1]) if axis == "frames" else np.arange(shape[-2])[:, np.newaxis]
    start, stop = (np.asarray(each)[..., np.newaxis, np.newaxis] for each in (start, start + width))
    return (start <= position) & (position < stop)


def _fill(spectrogram: np.ndarray, value: Any) -> np.ndarray:
    if isinstance(value, str):
        if value != "mean":
            raise ValueError(f"value must be a number or 'mean', got {shown(value)}")
        check_finite("spectrogram", spectrogram)
        return spectrogram.mean(axis=(-2, -1), keepdims=True)
    return np.asarray(check_number("value", value), spectrogram.dtype)


# Checks.


def _check_waveform(name: str, y: Any) -> None:
    _check_owned(name, y)
    if y.dtype.kind in "iu":
        half = 2 ** (8 * y.dtype.itemsize - 1)
        middle = f"subtract {half}, " if y.dtype.kind == "u" else ""
        raise ValueError(
            f"{name} must be float32 or float64, got {dtype_name(y)}: {middle}convert it, and "
            f"divide by {half}"
        )
    _check_dtype(name, y, ("float32", "float64"))
    if y.ndim == 0 or 0 in y.shape:
        raise ValueError(
            f"{name} must have shape (..., samples), none of them 0, got shape {y.shape}"
        )
    check_finite(name, y)


def _check_spectrogram(spectrogram: Any, dtypes: Sequence[str] | None = None) -> None:
    _check_owned("spectrogram", spectrogram)
    dtypes = dtypes or ("float32", "float64", "complex64", "complex128")
    _check_dtype("spectrogram", spectrogram, dtypes)
    if spectrogram.ndim < 2 or 0 in spectrogram.shape:
        raise ValueError(
            "spectrogram must have shape (..., frequencies, frames), none of them 0, "
            f"got shape {spectrogram.shape}"
        )


def _check_spectrum(spectrogram: Any) -> None:
    """What ``stft`` returns."""
    _check_spectrogram(spectrogram, ("complex64", "complex128"))
    if spectrogram.shape[-2] < 3:
        raise ValueError(
            f"spectrogram must have at least 3 frequencies, got shape {spectrogram.shape}"
        )
    check_finite("spectrogram", spectrogram)


def _check_owned(name: str, array: Any) -> None:
    check_array(name, array)
    if not isinstance(array, np.ndarray):
        kind = type(array)
        raise ValueError(f"{name} must be a numpy.ndarray, got a {kind.__module__}.{kind.__name__}")


def _check_dtype(name: str, array: np.ndarray, dtypes: Sequence[str]) -> None:
    if dtype_name(array) not in dtypes:
        raise ValueError(f"{name} must be {' or '.join(dtypes)}, got {dtype_name(array)}")


def _check_window(window_length: Any, hop: Any, *, overlap: int = 2) -> tuple[int, int]:
    """Both as integers; in every window there are at least ``overlap`` hops."""
    window_length = check_size("window_length", window_length, minimum=4)
    if window_length % 2:
        raise ValueError(f"window_length must be even, got {window_length}")
    hop = window_length // 4 if hop is None else hop
    return window_length, check_integer("hop", hop, minimum=1, maximum=window_length // overlap)


def _check_factor(factor: Any, size: int, what: str) -> float:
    factor = check_number("factor", factor, "(0, inf)")
    if not factor * size < MOST:
        raise ValueError(
            f"factor must make at most {MOST} {what}, got {factor:g} for {size} {what}"
        )
    return factor


def _check_snr(snr_db: Any, examples: tuple[int, ...]) -> np.ndarray:
    if not isinstance(snr_db, np.ndarray):
        return np.asarray(check_number("snr_db", snr_db, "[-200, 200]"))
    _check_dtype("snr_db", snr_db, ("float32", "float64"))
    check_same_shape("snr_db", snr_db, examples)
    if not (np.abs(snr_db) <= 200).all():
        raise ValueError(
            f"snr_db must lie in [-200, 200], got values from {snr_db.min():g} to {snr_db.max():g}"
        )
    return snr_db.astype(np.float64)


def _check_mask(
    axis: str, shape: tuple[int, ...], start: Any, width: Any
) -> tuple[np.ndarray, np.ndarray]:
    start = _check_places("start", start, shape[:-2])
    width = _check_places("width", width, shape[:-2])
    size = shape[-1 if axis == "frames" else -2]
    if start.min() < 0 or width.min() < 0 or (start + width).max() > size:
        raise ValueError(
            f"start and width must be masks inside of {size} {axis}, "
            f"got {shown(start.tolist())} and {shown(width.tolist())}"
        )
    return start, width


def _check_places(name: str, value: Any, examples: tuple[int, ...]) -> np.ndarray:
    if not isinstance(value, np.ndarray):
        return np.asarray(check_integer(name, value, minimum=-MOST, maximum=MOST))
    fits = not value.ndim or (
        value.ndim == len(examples)
        and all(size in (1, all_) for size, all_ in zip(value.shape, examples, strict=True))
    )
    if value.dtype.kind not in "iu" or not fits:
        raise ValueError(
            f"{name} must be an integer or integers of shape {examples}, or with 1 for an axis "
            f"that shares, got {dtype_name(value)} of shape {value.shape}"
        )
    return value.astype(np.int64)
