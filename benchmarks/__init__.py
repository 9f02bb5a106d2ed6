"""The same work timed side by side; what counts are the ratios. Run by ``make bench``."""

import logging
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's notes on its own build
os.environ.setdefault("JAX_ENABLE_X64", "1")  # the streams count in int64
# That it traces anew: for every ``fit`` of a panel and for every layer alone, it has to.
logging.getLogger("tensorflow").setLevel(logging.ERROR)
