"""What an encoder is: towers, dual encoder, preprocessing, checkpoint folder. Knows no catalogue and no HTTP.

`load_encoder` and what it returns are public API; both names are imported on first use.
"""

import os
from typing import TYPE_CHECKING

# onnxruntime sends usage events to its maker unless this is set before its first import (release 1.32). This module is
# imported before every module of ours that imports onnxruntime, so this is the one place for it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

from common import lazy_exports

if TYPE_CHECKING:
    from models.encoder import Encoder as Encoder
    from models.encoder import load_encoder as load_encoder

__getattr__ = lazy_exports(__name__, {"models.encoder": "Encoder load_encoder"})
