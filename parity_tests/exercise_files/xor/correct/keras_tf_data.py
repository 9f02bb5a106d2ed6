"""tf.keras, tf.data and a compiled step with the gradients written out."""

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers


def build_model(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            layers.Dense(16, kernel_initializer=keras.initializers.RandomNormal(stddev=1.0)),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("tanh"),
            layers.Dropout(0.2),
            layers.Dense(1),
        ]
    )
    model.build((None, 2))
    return model


def train(model, x, y, *, epochs=60, batch_size=20, learning_rate=0.1, seed=0):
    @tf.function(reduce_retracing=True)
    def step(inputs, targets):
        with tf.GradientTape() as tape:
            logits = model(inputs, training=True)
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(targets, logits))
            kernels = [v for v in model.trainable_variables if v.name == "kernel"]
            penalized = loss + 0.01 * tf.add_n([tf.nn.l2_loss(v) for v in kernels])
        variables = [v.value for v in model.trainable_variables]
        for variable, gradient in zip(variables, tape.gradient(penalized, variables), strict=True):
            variable.assign_sub(learning_rate * gradient)
        return loss

    data = tf.data.Dataset.from_tensor_slices((x, y[:, None]))
    data = data.shuffle(len(x), seed=seed, reshuffle_each_iteration=True).batch(batch_size)
    return [float(np.mean([step(*batch) for batch in data])) for _ in range(epochs)]


def predict(model, x):
    return tf.sigmoid(model(x, training=False)).numpy().squeeze(axis=1)
