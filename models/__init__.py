"""What an encoder is: towers, dual encoder, preprocessing, checkpoint folder. Knows no catalogue and no HTTP.

`load_encoder` and what it returns are public API.
"""

import os

# onnxruntime sends usage events to its maker unless this is set before its first import (release 1.32). This module is
# imported before every module of ours that imports onnxruntime, so this is the one place for it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

from models.encoder import Encoder, load_encoder

__all__ = ["Encoder", "load_encoder"]
