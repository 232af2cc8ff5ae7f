"""What an encoder is: towers, dual encoder, preprocessing, checkpoint folder. Knows no catalogue and no HTTP.

`load_encoder` and what it returns are public API.
"""

from models.encoder import Encoder, load_encoder

__all__ = ["Encoder", "load_encoder"]
