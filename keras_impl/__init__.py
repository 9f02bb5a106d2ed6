"""Panel 3: Keras 3 through ``keras.ops`` and ``keras.layers``, on TensorFlow, JAX or PyTorch."""
