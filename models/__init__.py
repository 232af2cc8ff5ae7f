"""What an encoder is: towers, dual encoder, preprocessing, checkpoint folder, runtimes. Knows no catalogue and no HTTP.

Code outside this package imports from here. Names are imported on first use, so that neither an export served with
onnxruntime nor a look at a checkpoint's config imports torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from models.backend import TOWERS as TOWERS
    from models.backend import Backend as Backend
    from models.backend import DeviceLostError as DeviceLostError
    from models.backend import TowerName as TowerName
    from models.backend import check_device as check_device
    from models.bounds import MAX_PIXELS as MAX_PIXELS
    from models.checkpoint import Checkpoint as Checkpoint
    from models.checkpoint import load_checkpoint as load_checkpoint
    from models.checkpoint import packed as packed
    from models.checkpoint import save_checkpoint as save_checkpoint
    from models.checkpoint import state_hash as state_hash
    from models.checkpoint import unpacked as unpacked
    from models.checkpoint_folder import CONFIG_FILE as CONFIG_FILE
    from models.checkpoint_folder import TOKENIZER_FILE as TOKENIZER_FILE
    from models.checkpoint_folder import WEIGHTS_FILE as WEIGHTS_FILE
    from models.checkpoint_folder import encoder_id as encoder_id
    from models.checkpoint_folder import read_config as read_config
    from models.crop import WHOLE as WHOLE
    from models.crop import Crop as Crop
    from models.dual_encoder import DualEncoder as DualEncoder
    from models.encoder import Encoder as Encoder
    from models.encoder import gpu_likely as gpu_likely
    from models.encoder import load_encoder as load_encoder
    from models.encoder import torch_encoder as torch_encoder
    from models.images import decode_image as decode_image
    from models.images import examine as examine
    from models.images import read_pixels as read_pixels
    from models.images import read_reduced as read_reduced
    from models.images import scaled as scaled
    from models.images import to_rgb as to_rgb
    from models.onnx_backend import ONNX_FOLDER as ONNX_FOLDER
    from models.onnx_backend import OnnxBackend as OnnxBackend
    from models.onnx_backend import earlier_export as earlier_export
    from models.onnx_backend import exported as exported
    from models.onnx_export import export as export
    from models.picture_kinds import KINDS as KINDS
    from models.picture_kinds import NAMED as NAMED
    from models.picture_kinds import kind_of as kind_of
    from models.presets import MAX_LOGIT_SCALE as MAX_LOGIT_SCALE
    from models.presets import PRESETS as PRESETS
    from models.presets import ModelConfig as ModelConfig
    from models.presets import Tower as Tower
    from models.presets import preset as preset
    from models.texts import plain as plain
    from models.tokenizer import TextPreprocessor as TextPreprocessor
    from models.tokenizer import pretrained_text_preprocessor as pretrained_text_preprocessor
    from models.tokenizer import train_text_preprocessor as train_text_preprocessor
    from models.torch_backend import fast_dtype as fast_dtype
    from models.torch_backend import pick_device as pick_device
    from models.towers import build_tower as build_tower
    from models.windows import MAX_WINDOWS as MAX_WINDOWS

__getattr__ = lazy_exports(
    __name__,
    {
        "models.backend": "Backend DeviceLostError TOWERS TowerName check_device",
        "models.bounds": "MAX_PIXELS",
        "models.checkpoint": "Checkpoint load_checkpoint packed save_checkpoint state_hash unpacked",
        "models.checkpoint_folder": "CONFIG_FILE TOKENIZER_FILE WEIGHTS_FILE encoder_id read_config",
        "models.crop": "Crop WHOLE",
        "models.dual_encoder": "DualEncoder",
        "models.encoder": "Encoder gpu_likely load_encoder torch_encoder",
        "models.images": "decode_image examine read_pixels read_reduced scaled to_rgb",
        "models.onnx_backend": "ONNX_FOLDER OnnxBackend earlier_export exported",
        "models.onnx_export": "export",
        "models.picture_kinds": "KINDS NAMED kind_of",
        "models.presets": "MAX_LOGIT_SCALE ModelConfig PRESETS Tower preset",
        "models.texts": "plain",
        "models.tokenizer": "TextPreprocessor pretrained_text_preprocessor train_text_preprocessor",
        "models.torch_backend": "fast_dtype pick_device",
        "models.towers": "build_tower",
        "models.windows": "MAX_WINDOWS",
    },
)
