"""Runs in a peer's environment: clip-retrieval's own back end, on given vectors and with given towers.

    python clip_server.py FOLDER TEXT_TOWER IMAGE_TOWER SIZE PORT

FOLDER has image.npy (N, D) and metadata/*.parquet. The index is what `clip-retrieval index` makes (autofaiss with its
defaults). The one thing that is replaced is the loading of the model, which knows CLIP's families only: it gives a
torch model in float32 of these towers, each with a random projection to D, which takes as long as a trained one. What
the back end does with it is its own. Knows nothing of Vitrine.
"""

import json
import sys
from pathlib import Path

import all_clip
import numpy as np
import torch
import torchvision.transforms as tv
from autofaiss import build_index
from clip_retrieval import clip_back
from transformers import AutoModel, AutoTokenizer


class Towers(torch.nn.Module):
    """Text and image tower as a CLIP model is called."""

    def __init__(self, text: str, image: str, dim: int) -> None:
        super().__init__()
        self.text = AutoModel.from_pretrained(text, dtype=torch.float32)
        self.image = AutoModel.from_pretrained(image, dtype=torch.float32)
        self.text_projection = torch.nn.Linear(self.text.config.hidden_size, dim, bias=False)
        self.image_projection = torch.nn.Linear(self.image.config.hidden_size, dim, bias=False)

    def encode_text(self, ids: torch.Tensor) -> torch.Tensor:
        mask = (ids != 0).long()
        rows = self.text(input_ids=ids, attention_mask=mask).last_hidden_state
        return self.text_projection((rows * mask[..., None]).sum(1) / mask.sum(1, keepdim=True))

    def encode_image(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.image_projection(self.image(pixel_values=pixels).pooler_output)


def main() -> None:
    folder, text, image, size, port = sys.argv[1:]
    vectors = np.load(Path(folder) / "image.npy")
    towers = Towers(text, image, vectors.shape[1]).eval()
    tokenizer = AutoTokenizer.from_pretrained(text)

    def tokens(texts: list[str]) -> torch.Tensor:
        return tokenizer(texts, padding=True, truncation=True, max_length=64, return_tensors="pt")["input_ids"]

    prepare = tv.Compose(
        [
            lambda picture: picture.convert("RGB"),
            tv.Resize((int(size), int(size)), interpolation=tv.InterpolationMode.BICUBIC),
            tv.ToTensor(),
            tv.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    all_clip.load_clip = lambda *_, **__: (towers, prepare, tokens)
    if not (Path(folder) / "image.index").exists():
        build_index(
            vectors,
            index_path=f"{folder}/image.index",
            index_infos_path=f"{folder}/image_infos.json",
            max_index_memory_usage="4G",
            current_memory_available="8G",
        )
    paths = Path(folder) / "indices_paths.json"
    paths.write_text(json.dumps({"shop": folder}))
    clip_back(
        indices_paths=str(paths),
        port=int(port),
        columns_to_return=["image_path", "caption"],
        enable_mclip_option=False,
        use_jit=False,
        provide_aesthetic_embeddings=False,
    )


if __name__ == "__main__":
    main()
