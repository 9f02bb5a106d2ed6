"""A train_step of one's own, with compute_loss, which adds the penalties."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers


class Network(keras.Model):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            logits = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=logits)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": loss}


def build_model(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((2,))
    x = dense(16, 1.0)(inputs)
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.Dropout(0.2)(keras.ops.tanh(x))
    return Network(inputs, dense(1, 0.25)(x))


def dense(units: int, deviation: float) -> layers.Dense:
    return layers.Dense(
        units,
        kernel_initializer=keras.initializers.RandomNormal(stddev=deviation),
        kernel_regularizer=keras.regularizers.L2(0.005),
    )


def train(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    *,
    epochs: int = 60,
    batch_size: int = 20,
    learning_rate: float = 0.1,
    seed: int = 0,
) -> list[float]:
    keras.utils.set_random_seed(seed)
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
    )
    history = model.fit(x, y[:, None], batch_size=batch_size, epochs=epochs, verbose=0)
    return history.history["loss"]


def predict(model: keras.Model, x: np.ndarray) -> np.ndarray:
    logits = model(x, training=False)
    return keras.ops.convert_to_numpy(keras.ops.sigmoid(logits))[:, 0]
