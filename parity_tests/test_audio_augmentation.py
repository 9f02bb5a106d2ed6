"""Sound beside librosa and PyTorch, tones whose pitch and length are known, and every refusal.

librosa is held to float64: in float32 it sums phases in float32, which one of the tests shows.
"""

import fractions
import functools
import math
import re

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from scratch.streams import normal, uniform
from triptych.audio_augmentation import (
    add_noise,
    draw_mask,
    draw_noise,
    frequency_mask,
    istft,
    phase_vocoder,
    pitch_shift,
    spec_augment,
    stft,
    time_mask,
    time_stretch,
)
from triptych.common.streams import Stream

pytestmark = pytest.mark.once

RATE = 22050
P_VALUE = 1e-4
STREAM = Stream(3, "sound", 5)


def white(*shape, dtype="float64", seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def tone(frequency, seconds=1.0):
    return np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)


def peak(y):
    """The frequency in hertz of the largest bin, and the width of a bin."""
    spectrum = np.abs(np.fft.rfft(y * np.hanning(len(y))))
    return spectrum.argmax() * RATE / len(y), RATE / len(y)


def amplitude(y, rim=4096):
    """Of a tone, away from its ends."""
    return np.sqrt(2 * np.mean(y[..., rim:-rim] ** 2))


# Short-time Fourier transform.

WINDOWS = [(2048, None), (512, 100), (400, 160), (64, 32), (6, 1)]


@pytest.mark.parametrize(("window_length", "hop"), WINDOWS)
@pytest.mark.parametrize("shape", [(1,), (4000,), (2, 2048), (2, 3, 2049)])
def test_stft_is_that_of_pytorch(shape, window_length, hop):
    y = white(*shape)
    ours = stft(y, window_length=window_length, hop=hop)
    theirs = torch.stft(
        torch.tensor(y).reshape(-1, shape[-1]),
        window_length,
        hop,
        window=torch.hann_window(window_length, dtype=torch.float64),
        pad_mode="constant",
        return_complex=True,
    )
    np.testing.assert_allclose(ours, theirs.reshape(ours.shape), rtol=0, atol=1e-11)


@pytest.mark.parametrize(("window_length", "hop"), WINDOWS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_stft_and_istft_are_those_of_librosa(window_length, hop, dtype):
    y = white(2, 4000, dtype=dtype)
    ours = stft(y, window_length=window_length, hop=hop)
    theirs = librosa.stft(y, n_fft=window_length, hop_length=hop)
    assert ours.dtype == theirs.dtype
    tolerance = 1e-11 if dtype == "float64" else 1e-4
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)

    changed = ours * white(*ours.shape, dtype=dtype, seed=1)  # the transform of no sound
    theirs = librosa.istft(changed, hop_length=hop, n_fft=window_length, length=3900)
    ours = istft(changed, 3900, hop=hop)
    assert ours.dtype == theirs.dtype == dtype
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * np.abs(theirs).max())


def test_stft_by_its_equation():
    y, length, hop = white(20), 8, 3
    m = np.arange(length)
    window = (1 - np.cos(2 * np.pi * m / length)) / 2
    at = hop * np.arange(7)[:, None] + m - length // 2
    frames = np.where((at >= 0) & (at < 20), y[at.clip(0, 19)], 0)
    waves = np.exp(-2j * np.pi * np.outer(np.arange(5), m) / length)
    expected = waves @ (window * frames).T
    np.testing.assert_allclose(stft(y, window_length=length, hop=hop), expected, atol=1e-13)


@settings(deadline=None)
@given(
    st.integers(2, 40).map(lambda half: 2 * half),
    st.floats(0, 0.4),
    st.lists(st.integers(1, 3), max_size=2),
    st.integers(1, 200),
    st.sampled_from(["float64", "float32"]),
)
def test_a_sound_comes_back(window_length, share, leading, samples, dtype):
    hop = max(1, int(share * window_length))
    y = white(*leading, samples, dtype=dtype)
    spectrogram = stft(y, window_length=window_length, hop=hop)
    assert spectrogram.shape == (*leading, window_length // 2 + 1, 1 + samples // hop)
    again = istft(spectrogram, samples, hop=hop)
    assert again.dtype == y.dtype
    # At the end one window alone has a sample: a rounding is divided by its small square.
    np.testing.assert_allclose(again, y, rtol=0, atol=1e-13 if dtype == "float64" else 1e-4)


@pytest.mark.parametrize("samples", [1, 1023, 1024, 1025, 5119, 5120])
def test_a_sound_comes_back_from_the_widest_hop(samples):
    y = white(samples)
    again = istft(stft(y, hop=1024), samples, hop=1024)
    # As above, and the last samples stand at its very rim.
    np.testing.assert_allclose(again, y, rtol=0, atol=1e-8)
    np.testing.assert_allclose(again[:-512], y[:-512], rtol=0, atol=1e-13)


# Phase vocoder.

# A phase is a sum over the frames, up to 25,000 radians: a rounding of that, 4e-12, times a
# magnitude of some 20 is what two ways of adding up may differ by.
SUMMED = 1e-10

# Of no other do the frames fall on those before: there rounding decides on which side of them.
FACTORS = [0.25, 0.5, 2 ** (-1 / 12), 1, 2 ** (1 / 12), 1.6, math.e, 4]


@pytest.mark.parametrize("factor", FACTORS)
def test_phase_vocoder_is_that_of_librosa(factor):
    spectrogram = stft(white(2, 8000), window_length=512)
    ours = phase_vocoder(spectrogram, factor, locked=False)
    theirs = librosa.phase_vocoder(spectrogram, rate=1 / factor, hop_length=128)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=SUMMED)


@pytest.mark.parametrize("window", [(2048, None), (512, None), (512, 100)])
@pytest.mark.parametrize("factor", FACTORS)
def test_time_stretch_is_that_of_librosa(factor, window):
    y, (window_length, hop) = white(2, 12000), window
    options = {} if hop is None else {"hop_length": hop}
    ours = time_stretch(y, factor, window_length=window_length, hop=hop, locked=False)
    theirs = librosa.effects.time_stretch(y, rate=1 / factor, n_fft=window_length, **options)
    assert ours.shape == (2, round(12000 * factor))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=SUMMED)


@pytest.mark.parametrize("factor", [1, 3, 7, 49])
@pytest.mark.parametrize("frames", [1, 2, 9])
def test_frames_stand_where_fractions_say(frames, factor):
    x = (white(4, 5, frames) + 1j * white(4, 5, frames, seed=1)).astype(complex)
    after = np.concatenate([x, np.zeros_like(x[..., :1])], axis=-1)
    expected = np.pi * np.arange(5) / 4 * 2
    angle, found = np.angle(x[..., 0]), []
    for k in range(frames * factor):
        t = fractions.Fraction(k, factor)
        i, share = int(t), float(t % 1)
        now, then = after[..., i], after[..., i + 1]
        found.append(((1 - share) * abs(now) + share * abs(then)) * np.exp(1j * angle))
        rest = np.angle(then) - np.angle(now) - expected
        angle = angle + expected + np.angle(np.exp(1j * rest))
    ours = phase_vocoder(x, factor, hop=2, locked=False)
    np.testing.assert_allclose(ours, np.stack(found, axis=-1), rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("frames", "factor", "count"),
    [(30, 1.1, 34), (10, 0.7, 7), (3, 0.1, 1), (3, 1 / 3, 1), (3, 0.5, 2)],
)
def test_frames_are_counted(frames, factor, count):
    """The number that is written 1.1 is larger than that: frame 33 stands before 30."""
    z = phase_vocoder(np.ones((5, frames), complex), factor, hop=2)
    assert z.shape == (5, count)
    assert np.abs(z[:, -1]).min() > 0


@pytest.mark.parametrize("factor", [0.6, 1.7])
def test_locked_bins_keep_their_angles_to_the_peak(factor):
    x = stft(white(3000), window_length=128, hop=32)
    z = phase_vocoder(x, factor)
    plain = phase_vocoder(x, factor, locked=False)
    np.testing.assert_allclose(np.abs(z), np.abs(plain), rtol=0, atol=1e-12)
    np.testing.assert_allclose(z[:, 0], plain[:, 0], rtol=0, atol=1e-12)
    expected = 2 * np.pi * np.arange(65) * 32 / 128
    for k in range(1, z.shape[1]):
        size = np.abs(z[:, k])
        around = [[b + d for d in (-2, -1, 1, 2) if 0 <= b + d < 65] for b in range(65)]
        peaks = [b for b in range(65) if all(size[b] > size[other] for other in around[b])]
        before, i = int((k - 1) / factor), int(k / factor)
        if before + 1 == x.shape[1]:
            break  # after the last frame
        for b in range(65):
            p = min(peaks, key=lambda p, b=b: abs(p - b))
            rest = np.angle(x[p, before + 1]) - np.angle(x[p, before]) - expected[p]
            turn = expected[p] + np.angle(np.exp(1j * rest))
            angle = np.angle(z[p, k - 1]) + turn + np.angle(x[b, i]) - np.angle(x[p, i])
            assert abs(z[b, k] - size[b] * np.exp(1j * angle)) < 1e-9
    assert k > 20


@pytest.mark.parametrize("frequency", [440, 1000, 3000.3])
@pytest.mark.parametrize("factor", [0.5, 0.8, 1.5, 2])
@pytest.mark.parametrize("locked", [True, False])
def test_a_stretched_tone_has_its_pitch(frequency, factor, locked):
    y = time_stretch(tone(frequency), factor, locked=locked)
    assert y.shape == (round(RATE * factor),)
    found, width = peak(y)
    assert abs(found - frequency) <= width
    if locked:
        assert abs(amplitude(y) - 1) < 1e-3
    elif factor > 1:
        assert 0.8 < amplitude(y) < 0.92  # as the docstring says


def test_chords_are_stretched():
    chord = [220, 277.18, 329.63]
    y = time_stretch(sum(map(tone, chord)) / 3, 2)
    spectrum = np.abs(np.fft.rfft(y * np.hanning(len(y))))
    largest = np.sort(np.argsort(spectrum)[-3:]) * RATE / len(y)
    np.testing.assert_allclose(largest, chord, rtol=0, atol=RATE / len(y))


def test_a_burst_comes_when_it_should():
    y = np.zeros(RATE)
    y[8000:10000] = white(2000)
    for factor in (0.5, 1.5, 2):
        energy = time_stretch(y, factor) ** 2
        middle = np.sum(np.arange(energy.size) * energy) / energy.sum()
        assert abs(middle - 9000 * factor) < 512 * factor


@pytest.mark.parametrize("locked", [True, False])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_no_stretch_and_no_shift(locked, dtype):
    y = white(2, 5000, dtype=dtype)
    tolerance = 1e-11 if dtype == "float64" else 1e-5
    for same in (time_stretch(y, 1, locked=locked), pitch_shift(y, 0, locked=locked)):
        assert same.dtype == dtype
        np.testing.assert_allclose(same, y, rtol=0, atol=tolerance)


def test_phases_of_float32_do_not_add_up_their_rounding():
    y = white(10 * RATE)
    expected = time_stretch(y, 1.2, locked=False)

    def error(stretched):
        return np.sqrt(np.mean((stretched - expected) ** 2) / np.mean(expected**2))

    single = y.astype("float32")
    assert error(time_stretch(single, 1.2, locked=False)) < 1e-5
    assert error(librosa.effects.time_stretch(single, rate=1 / 1.2)) > 0.05


# Pitch.


@pytest.mark.parametrize("semitones", [-12, -5, -0.5, 3, 7, 12])
@pytest.mark.parametrize("locked", [True, False])
def test_a_shifted_tone(semitones, locked):
    y = pitch_shift(tone(440), semitones, locked=locked)
    assert y.shape == (RATE,)
    found, width = peak(y)
    assert abs(found - 440 * 2 ** (semitones / 12)) <= width
    if semitones == 12:
        assert found == pytest.approx(880, abs=width)
    if locked:
        assert abs(amplitude(y) - 1) < 2e-3


def test_what_comes_above_half_of_the_rate_is_gone():
    y = pitch_shift(tone(440) + tone(8000), 12)
    assert abs(amplitude(y) - 1) < 2e-3
    assert abs(amplitude(pitch_shift(tone(8000), 12))) < 1e-3


@pytest.mark.parametrize("semitones", [-12, -3.3, 0.5, 5, 12])
def test_pitch_shift_is_made_of_parts_of_librosa(semitones):
    y, factor = white(2, 9000), 2 ** (semitones / 12)
    stretched = librosa.effects.time_stretch(y, rate=1 / factor)
    count = stretched.shape[-1]
    padded = np.pad(stretched, [(0, 0), (0, count)])
    theirs = librosa.resample(padded, orig_sr=count, target_sr=9000, res_type="fft")
    ours = pitch_shift(y, semitones, locked=False)
    np.testing.assert_allclose(ours, theirs[:, :9000], rtol=0, atol=1e-10)


@pytest.mark.parametrize(("semitones", "drift"), [(-12, 0), (12, 0), (-3, 0.5), (4, 0.5)])
def test_pitch_shift_is_that_of_librosa_within_half_a_sample(semitones, drift):
    """soxr is another resampler; for octaves L / samples is the ratio itself."""
    y = (tone(220, 2) + tone(1303, 2) / 3) * np.hanning(2 * RATE)
    theirs = librosa.effects.pitch_shift(y, sr=RATE, n_steps=semitones)
    ours = pitch_shift(y, semitones, locked=False)
    steepest = np.abs(np.diff(theirs)).max()
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=drift * steepest + 5e-5)


@pytest.mark.parametrize("semitones", [-5, 5])
def test_the_beginning_does_not_ring_at_the_end(semitones):
    y = np.zeros(20000)
    y[:2000] = 1
    shifted = pitch_shift(y, semitones)
    assert np.abs(shifted[:2000]).max() > 0.5
    assert np.abs(shifted[-2000:]).max() < 1e-4


# Noise.


@pytest.mark.parametrize("snr_db", [-40, -3.5, 0, 10, 40])
def test_the_ratio_is_what_was_asked_for(snr_db):
    y, noise = 0.3 * tone(440), 7 * white(RATE)
    noisy = add_noise(y, noise, snr_db)
    measured = 10 * np.log10(np.mean(y**2) / np.mean((noisy - y) ** 2))
    assert measured == pytest.approx(snr_db, abs=1e-12)
    np.testing.assert_allclose(np.corrcoef(noisy - y, noise)[0, 1], 1, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_example_has_its_own_ratio(dtype):
    y, noise = white(3, 2, 4000, dtype=dtype), white(3, 2, 4000, dtype=dtype, seed=1)
    y *= np.arange(1, 7, dtype=dtype).reshape(3, 2, 1)
    snr_db = np.linspace(-10, 20, 6).reshape(3, 2)
    noisy = add_noise(y, noise, snr_db)
    assert noisy.dtype == dtype
    added = noisy.astype("float64") - y
    measured = 10 * np.log10(np.mean(np.square(y, dtype="float64"), -1) / np.mean(added**2, -1))
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(measured, snr_db, rtol=0, atol=tolerance)
    for i in np.ndindex(3, 2):
        np.testing.assert_array_equal(noisy[i], add_noise(y[i], noise[i], snr_db[i]))


def test_noise_by_the_formula_of_torchaudio():
    y, noise = torch.tensor(white(4, 500)), torch.tensor(white(4, 500, seed=1))
    snr = torch.tensor([0.0, 5, -5, 30], dtype=torch.float64)
    energy = [torch.linalg.vector_norm(each, dim=-1) ** 2 for each in (y, noise)]
    before = 10 * (energy[0].log10() - energy[1].log10())
    theirs = y + (10 ** ((before - snr) / 20))[:, None] * noise
    ours = add_noise(y.numpy(), noise.numpy(), snr.numpy())
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-13)


def test_noise_that_is_drawn():
    noise = draw_noise(STREAM, (3, 10000), dtype="float64")
    np.testing.assert_array_equal(noise, normal(STREAM, (3, 10000), dtype="float64"))
    assert draw_noise(STREAM, (2, 5)).dtype == "float32"
    assert np.abs(np.corrcoef(noise) - np.eye(3)).max() < 0.04
    spectrum = np.mean(np.abs(stft(noise, window_length=64)) ** 2, axis=(0, 2))[1:-1]
    assert spectrum.std() / spectrum.mean() < 0.1  # white


def test_ratios_at_the_ends_of_the_range():
    y, noise = white(100, dtype="float32"), white(100, dtype="float32", seed=1)
    np.testing.assert_array_equal(add_noise(y, noise, 200), y)
    assert np.isfinite(add_noise(y, noise, -200)).all()
    small = np.full(5, 1e-30, "float32")  # whose square is 0 in float32
    noisy = add_noise(small, small, 0.0)
    np.testing.assert_allclose(noisy, 2 * small, rtol=1e-6)


# Masks.


def test_masks_by_hand():
    x = np.arange(1.0, 13).reshape(3, 4)
    expected = [[1, 0, 0, 4], [5, 0, 0, 8], [9, 0, 0, 12]]
    np.testing.assert_array_equal(time_mask(x, 1, 2), expected)
    expected = [[1, 2, 3, 4], [5, 6, 7, 8], [-1, -1, -1, -1]]
    np.testing.assert_array_equal(frequency_mask(x, 2, 1, value=-1), expected)
    expected = [[6.5, 6.5, 6.5, 6.5], [6.5, 6.5, 6.5, 6.5], [9, 10, 11, 12]]
    np.testing.assert_array_equal(frequency_mask(x, 0, 2, value="mean"), expected)
    np.testing.assert_array_equal(time_mask(x, 4, 0), x)
    np.testing.assert_array_equal(time_mask(x, 0, 4, value=2), np.full((3, 4), 2))


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("value", [0.5, "mean"])
def test_each_example_has_its_own_mask(dtype, value):
    x = white(2, 3, 5, 7).astype(dtype)
    start, width = draw_mask(STREAM, (2, 3), 5, 5)
    for mask in (time_mask, frequency_mask):
        masked = mask(x, start, width, value=value)
        assert masked.dtype == dtype
        for i in np.ndindex(2, 3):
            alone = mask(x[i], start[i], width[i], value=value)
            np.testing.assert_allclose(masked[i], alone, rtol=1e-6)
        shared = mask(x, start[:, :1], width[:, :1], value=value)
        np.testing.assert_array_equal(shared[1, 2] == x[1, 2], shared[1, 0] == x[1, 0])
        np.testing.assert_array_equal(shared[:, 0], masked[:, 0])


def test_a_mask_covers_what_is_infinite():
    x = np.full((3, 4), -np.inf)
    x[0] = np.nan
    masked = frequency_mask(x, 0, 2, value=-80)
    np.testing.assert_array_equal(masked[:2], np.full((2, 4), -80))
    np.testing.assert_array_equal(masked[2], x[2])


@pytest.mark.parametrize(("size", "most"), [(9, 4), (5, 5), (80, 27), (3, 0)])
def test_drawn_masks_are_uniform(size, most):
    start, width = draw_mask(STREAM, (40000,), size, most)
    assert start.dtype == width.dtype == "int64"
    counts = np.bincount(width, minlength=most + 1)
    assert len(counts) == most + 1
    assert counts.min() > 0
    if most:
        assert stats.chisquare(counts).pvalue > P_VALUE
    for each in {0, most // 2, most}:
        places = np.bincount(start[width == each], minlength=size - each + 1)
        assert len(places) == size - each + 1
        assert places.min() > 0
        if len(places) > 1:
            assert stats.chisquare(places).pvalue > P_VALUE


def test_masks_are_drawn_as_the_docstring_says():
    u, v = uniform(STREAM, (2, 6, 3), dtype="float64")
    start, width = draw_mask(STREAM, (6, 3), 20, 8)
    np.testing.assert_array_equal(width, np.floor(u * 9))
    np.testing.assert_array_equal(start, np.floor(v * (20 - width + 1)))
    start, width = draw_mask(STREAM, (), 20, 8)
    assert 0 <= int(start) <= 20 - int(width)
    time_mask(np.ones((4, 20)), start, width)


@pytest.mark.parametrize("value", [0, "mean"])
def test_spec_augment_is_its_masks(value):
    x = white(4, 2, 12, 30)
    options = {"frequency_masks": 3, "frequency_width": 5, "time_masks": 2, "time_width": 9}
    masked = spec_augment(x, STREAM, value=value, **options)
    fill = x.mean(axis=(-2, -1), keepdims=True) if value == "mean" else np.zeros((4, 2, 1, 1))
    drawn = uniform(STREAM, (5, 2, 4, 2), dtype="float64")
    expected = x.copy()
    for i in np.ndindex(4, 2):
        for mask, (u, v) in enumerate(drawn[(..., *i)]):
            size, most = (12, 5) if mask < 3 else (30, 9)
            width = math.floor(u * (most + 1))
            start = math.floor(v * (size - width + 1))
            rows = expected[i] if mask < 3 else expected[i].T
            rows[start : start + width] = fill[i].item()
    np.testing.assert_array_equal(masked, expected)


def test_masks_that_channels_share():
    x = np.ones((5, 2, 12, 30), "float32")
    masked = spec_augment(x, STREAM, noise_shape=(None, 1), frequency_width=5, time_width=9)
    assert masked.dtype == "float32"
    np.testing.assert_array_equal(masked[:, 0], masked[:, 1])
    assert len({each.tobytes() for each in masked[:, 0]}) == 5
    alone = spec_augment(x[:, 0], STREAM, frequency_width=5, time_width=9)
    np.testing.assert_array_equal(masked[:, 0], alone)


def test_how_much_spec_augment_may_cover():
    x, streams = np.ones((10, 40)), [Stream(0, "masks", step) for step in range(200)]
    for options, most in [
        ({"time_masks": 0, "frequency_width": 3, "frequency_masks": 1}, 3 * 40),
        ({"frequency_masks": 0, "time_width": 7, "time_masks": 1}, 10 * 7),
        ({"frequency_masks": 0, "time_fraction": 0.2, "time_masks": 1}, 10 * 8),
        ({"frequency_masks": 0, "time_fraction": 0.24, "time_masks": 1}, 10 * 9),
        ({"frequency_masks": 0, "time_masks": 1}, 10 * 40),
        ({"time_masks": 0, "frequency_masks": 1}, 10 * 40),
        ({"time_masks": 0, "frequency_masks": 0}, 0),
        ({"time_width": 0, "frequency_width": 0}, 0),
        ({"time_fraction": 0, "frequency_masks": 0}, 0),
    ]:
        covered = [int((spec_augment(x, stream, **options) == 0).sum()) for stream in streams]
        assert max(covered) == most
        assert min(covered) == 0


# What holds for all.

CHANGES = {
    "stft": functools.partial(stft, window_length=64),
    "time_stretch": functools.partial(time_stretch, factor=1.3, window_length=64),
    "plain time_stretch": functools.partial(
        time_stretch, factor=0.7, window_length=64, locked=False
    ),
    "pitch_shift": functools.partial(pitch_shift, semitones=2, window_length=64),
    "add_noise": lambda y: add_noise(y, y[..., ::-1], 5.0),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_batch_is_its_examples(change, dtype):
    y = white(3, 2, 1000, dtype=dtype)
    before = y.copy()
    y.flags.writeable = False
    batch = change(y)
    assert batch.shape[:2] == (3, 2)
    assert batch.real.dtype == dtype
    tolerance = 1e-12 if dtype == "float64" else 1e-4
    for i in np.ndindex(3, 2):
        np.testing.assert_allclose(batch[i], change(y[i]), rtol=0, atol=tolerance)
    np.testing.assert_array_equal(y, before)
    strided = change(np.asfortranarray(y))
    np.testing.assert_allclose(strided, batch, rtol=0, atol=tolerance)


def test_a_new_array_is_returned():
    y, x = white(100), white(5, 6)
    results = [
        (y, time_stretch(y, 1)),
        (y, pitch_shift(y, 0)),
        (y, add_noise(y, y, 200)),
        (x, time_mask(x, 0, 0)),
        (x, spec_augment(x, STREAM, time_masks=0, frequency_masks=0)),
    ]
    for given_, result in results:
        assert not np.shares_memory(given_, result)
    start, width = np.array(1), np.array(2)
    frequency_mask(x, start, width)
    assert (start, width) == (1, 2)


def test_bytes_in_the_other_order():
    y = white(500, dtype="float32")
    swapped = y.astype(y.dtype.newbyteorder())
    np.testing.assert_array_equal(stft(swapped, window_length=64), stft(y, window_length=64))
    np.testing.assert_array_equal(time_stretch(swapped, 2), time_stretch(y, 2))
    np.testing.assert_array_equal(add_noise(y, swapped, 3), add_noise(y, y, 3))


def test_one_sample():
    y = np.array([0.5])
    np.testing.assert_allclose(istft(stft(y), 1), y, atol=1e-15)
    assert time_stretch(y, 1.0) == pytest.approx(y)
    assert time_stretch(y, 3).shape == (3,)
    assert time_stretch(y, 0.6).shape == (1,)
    for semitones in (-120, -12, 0, 12, 120):
        shifted = pitch_shift(y, semitones, window_length=64)
        assert shifted.shape == (1,)
        assert np.isfinite(shifted).all()
    assert add_noise(y, y, 0) == pytest.approx(2 * y)


def test_silence_is_stretched_and_shifted():
    y = np.zeros((2, 3000), "float32")
    np.testing.assert_array_equal(time_stretch(y, 1.5), np.zeros((2, 4500)))
    np.testing.assert_array_equal(pitch_shift(y, 3), y)


def test_the_example_of_the_docstring():
    seed, epoch, y = 0, 2, white(3, 8000, dtype="float32")
    noise = draw_noise(Stream(seed, "noise", epoch), y.shape, dtype="float32")
    snr_db = 5 + 15 * uniform(Stream(seed, "snr", epoch), y.shape[:-1])
    noisy = add_noise(y, noise, snr_db)
    magnitude = np.abs(stft(noisy, window_length=512))
    masked = spec_augment(np.log(magnitude + 1e-6), Stream(seed, "masks", epoch), value="mean")
    assert masked.shape == magnitude.shape == (3, 257, 63)
    assert masked.dtype == "float32"


# Refusals.

Y, X, Z = white(2, 200), white(2, 9, 20), stft(white(2, 200), window_length=16)
CALLS = {
    "stft": functools.partial(stft, y=Y, window_length=16),
    "istft": functools.partial(istft, spectrogram=Z, length=200),
    "phase_vocoder": functools.partial(phase_vocoder, spectrogram=Z, factor=2),
    "time_stretch": functools.partial(time_stretch, y=Y, factor=2, window_length=16),
    "pitch_shift": functools.partial(pitch_shift, y=Y, semitones=2, window_length=16),
    "draw_noise": functools.partial(draw_noise, stream=STREAM, shape=(2,)),
    "add_noise": functools.partial(add_noise, y=Y, noise=Y, snr_db=3),
    "draw_mask": functools.partial(draw_mask, stream=STREAM, shape=(2,), size=9, max_width=4),
    "time_mask": functools.partial(time_mask, spectrogram=X, start=3, width=4),
    "frequency_mask": functools.partial(frequency_mask, spectrogram=X, start=3, width=4),
    "spec_augment": functools.partial(spec_augment, spectrogram=X, stream=STREAM),
}
WAVES = ("stft", "time_stretch", "pitch_shift", "add_noise")
SPECTRA = ("istft", "phase_vocoder")
MASKS = ("time_mask", "frequency_mask")


def holding(array, value):
    array = array.copy()
    array.flat[3] = value
    return array


STRETCHES = ("time_stretch", "phase_vocoder")
NO_SHAPE = "y must have shape (..., samples), none of them 0, got shape"
NO_MASK = "start and width must be masks inside of"
PLACES = "must be an integer or integers of shape (2,), or with 1 for an axis that shares, got"
REAL = "float32 or float64 or complex64 or complex128"
BAD = {
    WAVES: [
        ({"y": [0.0, 1.0]}, "y must be an array, got [0.0, 1.0]"),
        ({"y": torch.ones(5)}, "y must be a numpy.ndarray, got a torch.Tensor"),
        ({"y": np.float64(1)}, "y must be a numpy.ndarray, got a numpy.float64"),
        ({"y": np.ma.ones(5)}, "y must not be a masked array"),
        ({"y": np.ones(())}, f"{NO_SHAPE} ()"),
        ({"y": np.ones(0)}, f"{NO_SHAPE} (0,)"),
        ({"y": np.ones((0, 5))}, f"{NO_SHAPE} (0, 5)"),
        (
            {"y": np.ones(5, "int16")},
            "y must be float32 or float64, got int16: convert it, and divide by 32768",
        ),
        (
            {"y": np.ones(5, "uint8")},
            "y must be float32 or float64, got uint8: subtract 128, convert it, and divide by 128",
        ),
        ({"y": np.ones(5, "float16")}, "y must be float32 or float64, got float16"),
        ({"y": np.ones(5, bool)}, "y must be float32 or float64, got bool"),
        ({"y": np.ones(5, complex)}, "y must be float32 or float64, got complex128"),
        ({"y": np.array(["a"])}, "y must be float32 or float64, got str"),
        ({"y": holding(Y, np.nan)}, "y must be finite, got NaN or infinity"),
        ({"y": holding(Y, -np.inf)}, "y must be finite, got NaN or infinity"),
    ],
    ("stft", "time_stretch", "pitch_shift"): [
        ({"window_length": 2}, "window_length must be an integer >= 4, got 2"),
        ({"window_length": 15}, "window_length must be even, got 15"),
        ({"window_length": 16.0}, "window_length must be an integer >= 4, got 16.0"),
        ({"hop": 0}, "hop must be an integer in [1, "),
        ({"hop": 1.0}, "hop must be an integer in [1, "),
    ],
    ("stft", "istft"): [({"hop": 9}, "hop must be an integer in [1, 8], got 9")],
    ("phase_vocoder", "time_stretch", "pitch_shift"): [
        ({"hop": 5}, "hop must be an integer in [1, 4], got 5"),
        ({"locked": 1}, "locked must be True or False, got 1"),
    ],
    STRETCHES: [
        ({"factor": 0}, "factor must be a number in (0, inf), got 0"),
        ({"factor": -2.0}, "factor must be a number in (0, inf), got -2.0"),
        ({"factor": float("inf")}, "factor must be a number in (0, inf), got inf"),
        ({"factor": float("nan")}, "factor must be a number in (0, inf), got nan"),
        ({"factor": "2"}, "factor must be a number in (0, inf), got '2'"),
        ({"factor": True}, "factor must be a number in (0, inf), got True"),
        ({"factor": np.ones(2)}, "factor must be a number in (0, inf), got array([1., 1.])"),
    ],
    ("time_stretch",): [
        ({"factor": 0.0025}, "factor must leave at least 1 sample, got 0.0025 for 200 samples"),
        (
            {"factor": 1e300},
            "factor must make at most 2147483647 samples, got 1e+300 for 200 samples",
        ),
    ],
    ("phase_vocoder",): [
        (
            {"factor": 1e8},
            "factor must make at most 2147483647 frames, got 1e+08 for 51 frames",
        ),
    ],
    ("pitch_shift",): [
        ({"semitones": 121}, "semitones must be a number in [-120, 120], got 121"),
        ({"semitones": float("nan")}, "semitones must be a number in [-120, 120], got nan"),
        ({"semitones": None}, "semitones must be a number in [-120, 120], got None"),
    ],
    SPECTRA: [
        ({"spectrogram": X}, "spectrogram must be complex64 or complex128, got float64"),
        (
            {"spectrogram": Z[:, :2]},
            "spectrogram must have at least 3 frequencies, got shape (2, 2, 51)",
        ),
        ({"spectrogram": holding(Z, np.nan)}, "spectrogram must be finite, got NaN or infinity"),
    ],
    ("istft",): [
        ({"length": 0}, "length must be an integer in [1, 204], got 0"),
        ({"length": 205}, "length must be an integer in [1, 204], got 205"),
        ({"length": None}, "length must be an integer in [1, 204], got None"),
    ],
    (*SPECTRA, *MASKS, "spec_augment"): [
        ({"spectrogram": None}, "spectrogram must be an array, got None"),
        ({"spectrogram": torch.ones(2, 2)}, "spectrogram must be a numpy.ndarray, got a torch."),
        (
            {"spectrogram": Z[0, 0]},
            "spectrogram must have shape (..., frequencies, frames), none of them 0, got shape (51",
        ),
        (
            {"spectrogram": Z[:, :, :0]},
            "spectrogram must have shape (..., frequencies, frames), none of them 0, got shape (2",
        ),
    ],
    ("draw_noise", "draw_mask"): [
        ({"stream": 3}, "stream must be a Stream, got 3"),
        ({"shape": (2, -1)}, "shape must be a tuple of integers >= 0, got (2, -1)"),
        ({"shape": 3}, "shape must be a tuple of integers >= 0, got 3"),
    ],
    ("draw_noise",): [({"dtype": "int8"}, "dtype must be one of 'float32', 'float64', got 'int8'")],
    ("draw_mask",): [
        ({"size": 0}, "size must be an integer >= 1, got 0"),
        ({"max_width": 10}, "max_width must be an integer in [0, 9], got 10"),
        ({"max_width": 2.0}, "max_width must be an integer in [0, 9], got 2.0"),
    ],
    ("add_noise",): [
        ({"noise": Y[0]}, "noise must have shape (2, 200), got (200,)"),
        ({"noise": Y.astype("float32")}, "noise must have the dtype of y, float64, got float32"),
        ({"noise": holding(Y, np.nan)}, "noise must be finite, got NaN or infinity"),
        ({"snr_db": float("inf")}, "snr_db must be a number in [-200, 200], got inf"),
        ({"snr_db": "3"}, "snr_db must be a number in [-200, 200], got '3'"),
        ({"snr_db": [3.0, 4.0]}, "snr_db must be a number in [-200, 200], got [3.0, 4.0]"),
        ({"snr_db": np.ones(3)}, "snr_db must have shape (2,), got (3,)"),
        ({"snr_db": np.ones((2, 1))}, "snr_db must have shape (2,), got (2, 1)"),
        ({"snr_db": np.ones(2, int)}, "snr_db must be float32 or float64, got int64"),
        (
            {"snr_db": np.array([3, 201.0])},
            "snr_db must lie in [-200, 200], got values from 3 to 201",
        ),
        ({"snr_db": np.array([3, np.nan])}, "snr_db must lie in [-200, 200], got values from nan"),
        (
            {"y": np.zeros((2, 200))},
            "y must have a power above 0 for a signal-to-noise ratio, got silence in example 0",
        ),
        (
            {"noise": Y * np.array([[1], [0]])},
            "noise must have a power above 0 for a signal-to-noise ratio, got silence in example 1",
        ),
        (
            {"y": np.zeros(5), "noise": np.ones(5)},
            "y must have a power above 0 for a signal-to-noise ratio, got silence",
        ),
        (
            {"y": np.full((2, 200), 1e200)},
            "y must have a finite power for a signal-to-noise ratio, got values up to 1e+200",
        ),
    ],
    MASKS: [
        ({"start": -1}, f"{NO_MASK}"),
        ({"width": -1}, f"{NO_MASK}"),
        ({"start": 1.0}, "start must be an integer in [-2147483647, 2147483647], got 1.0"),
        ({"width": None}, "width must be an integer in [-2147483647, 2147483647], got None"),
        ({"start": np.zeros(3, int)}, f"start {PLACES} int64 of shape (3,)"),
        ({"width": np.zeros((2, 1), int)}, f"width {PLACES} int64 of shape (2, 1)"),
        ({"start": np.zeros(2)}, f"start {PLACES} float64 of shape (2,)"),
        ({"width": np.zeros(2, bool)}, f"width {PLACES} bool of shape (2,)"),
    ],
    ("time_mask",): [
        ({"start": 17}, f"{NO_MASK} 20 frames, got 17 and 4"),
        ({"start": np.array([3, 19])}, f"{NO_MASK} 20 frames, got [3, 19] and 4"),
    ],
    ("frequency_mask",): [({"start": 6}, f"{NO_MASK} 9 frequencies, got 6 and 4")],
    (*MASKS, "spec_augment"): [
        ({"spectrogram": X.astype(int)}, f"spectrogram must be {REAL}, got int64"),
        ({"value": "median"}, "value must be a number or 'mean', got 'median'"),
        ({"value": None}, "value must be a number in (-inf, inf), got None"),
        ({"value": np.nan}, "value must be a number in (-inf, inf), got nan"),
        (
            {"value": "mean", "spectrogram": holding(X, -np.inf)},
            "spectrogram must be finite, got NaN or infinity",
        ),
    ],
    ("spec_augment",): [
        ({"stream": 3}, "stream must be a Stream, got 3"),
        ({"frequency_masks": -1}, "frequency_masks must be an integer >= 0, got -1"),
        ({"time_masks": 1.0}, "time_masks must be an integer >= 0, got 1.0"),
        ({"frequency_width": -1}, "frequency_width must be an integer >= 0, got -1"),
        ({"time_width": None}, "time_width must be an integer >= 0, got None"),
        ({"time_fraction": 1.1}, "time_fraction must be a number in [0, 1], got 1.1"),
        (
            {"noise_shape": (1, 1)},
            "noise_shape must be None, or have None or 1 for each of 1 axes, got (1, 1)",
        ),
    ],
}
REFUSED = [
    (name, options, message)
    for names, cases in BAD.items()
    for options, message in cases
    for name in names
]


@pytest.mark.parametrize("name", CALLS)
def test_what_is_right_is_taken(name):
    CALLS[name]()


@pytest.mark.parametrize(("name", "options", "message"), REFUSED)
def test_refusals(name, options, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        CALLS[name](**options)
