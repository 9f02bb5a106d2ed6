"""PyTorch's arguments and arrays as Keras's, and back: the mappings of the map that are formulas.

Each function is named for the direction: ``batch_norm_to_keras`` takes what PyTorch is given and
returns what to give Keras. No framework is imported; arrays are NumPy's. What has no counterpart is
refused with :class:`NoCounterpart`, which names the entry of ``triptych differences``.
"""

from triptych.translate.attention import (
    attention_mask_to_keras,
    attention_mask_to_torch,
    attention_to_keras,
    attention_to_torch,
    embedding_to_keras,
    embedding_to_torch,
)
from triptych.translate.early_stopping import (
    early_stopping_from_ignite,
    early_stopping_from_lightning,
    early_stopping_to_ignite,
    early_stopping_to_lightning,
)
from triptych.translate.gradient_clipping import (
    clip_norm_to_keras,
    clip_norm_to_torch,
    clipping_to_keras,
    clipping_to_torch,
)
from triptych.translate.images import (
    rotation_to_keras,
    rotation_to_theta,
    rotation_to_torch,
    translation_to_keras,
    translation_to_torch,
    zoom_to_keras,
    zoom_to_torch,
)
from triptych.translate.kernels import (
    kernel_to_keras,
    kernel_to_torch,
)
from triptych.translate.losses import (
    class_weight_to_keras,
    class_weight_to_torch,
    huber_to_torch,
    smooth_l1_to_keras,
    smoothed_class_weight_to_keras,
    smoothed_class_weight_to_torch,
)
from triptych.translate.normalization import (
    batch_norm_to_keras,
    batch_norm_to_torch,
    running_variance_to_keras,
    running_variance_to_torch,
)
from triptych.translate.optimizers import (
    adam_epsilon_to_keras,
    adam_epsilon_to_torch,
    decayed_to_keras,
    decayed_to_torch,
    momentum_buffer_to_keras,
    momentum_buffer_to_torch,
    weight_decay_to_keras,
    weight_decay_to_torch,
)
from triptych.translate.padding import (
    padding_to_keras,
    same_padding_to_torch,
)
from triptych.translate.recurrent import (
    gru_to_keras,
    gru_to_torch,
    lstm_to_keras,
    lstm_to_torch,
    simple_rnn_to_keras,
    simple_rnn_to_torch,
)
from triptych.translate.refusal import (
    NoCounterpart,
)
from triptych.translate.schedules import (
    cosine_to_keras,
    cosine_to_torch,
    multi_step_to_keras,
    multi_step_to_torch,
    plateau_to_keras,
    plateau_to_torch,
    step_to_keras,
    step_to_torch,
    warmup_to_keras,
    warmup_to_torch,
)

__all__ = [
    "NoCounterpart",
    "adam_epsilon_to_keras",
    "adam_epsilon_to_torch",
    "attention_mask_to_keras",
    "attention_mask_to_torch",
    "attention_to_keras",
    "attention_to_torch",
    "batch_norm_to_keras",
    "batch_norm_to_torch",
    "class_weight_to_keras",
    "class_weight_to_torch",
    "clip_norm_to_keras",
    "clip_norm_to_torch",
    "clipping_to_keras",
    "clipping_to_torch",
    "cosine_to_keras",
    "cosine_to_torch",
    "decayed_to_keras",
    "decayed_to_torch",
    "early_stopping_from_ignite",
    "early_stopping_from_lightning",
    "early_stopping_to_ignite",
    "early_stopping_to_lightning",
    "embedding_to_keras",
    "embedding_to_torch",
    "gru_to_keras",
    "gru_to_torch",
    "huber_to_torch",
    "kernel_to_keras",
    "kernel_to_torch",
    "lstm_to_keras",
    "lstm_to_torch",
    "momentum_buffer_to_keras",
    "momentum_buffer_to_torch",
    "multi_step_to_keras",
    "multi_step_to_torch",
    "padding_to_keras",
    "plateau_to_keras",
    "plateau_to_torch",
    "rotation_to_keras",
    "rotation_to_theta",
    "rotation_to_torch",
    "running_variance_to_keras",
    "running_variance_to_torch",
    "same_padding_to_torch",
    "simple_rnn_to_keras",
    "simple_rnn_to_torch",
    "smooth_l1_to_keras",
    "smoothed_class_weight_to_keras",
    "smoothed_class_weight_to_torch",
    "step_to_keras",
    "step_to_torch",
    "translation_to_keras",
    "translation_to_torch",
    "warmup_to_keras",
    "warmup_to_torch",
    "weight_decay_to_keras",
    "weight_decay_to_torch",
    "zoom_to_keras",
    "zoom_to_torch",
]
