"""Runs in a peer's environment: puts a text tower into the form that peers read, and exports it as their documents say.

    python prepare.py TOWER OUT

Mean pooling and unit length, as sentence-transformers publishes this model; float32, with the export for onnxruntime
and its int8 form for AVX-512 VNNI beside it. Knows nothing of Vitrine.
"""

import sys

from sentence_transformers import SentenceTransformer, export_dynamic_quantized_onnx_model
from sentence_transformers.models import Normalize, Pooling, Transformer

if __name__ == "__main__":
    tower, out = sys.argv[1:]
    words = Transformer(tower, max_seq_length=128, model_kwargs={"dtype": "float32"})
    pooling = Pooling(words.get_embedding_dimension(), pooling_mode="mean")
    SentenceTransformer(modules=[words, pooling, Normalize()], device="cpu").save_pretrained(out)
    model = SentenceTransformer(out, backend="onnx", device="cpu", model_kwargs={"export": True})
    model.save_pretrained(out)
    export_dynamic_quantized_onnx_model(model, "avx512_vnni", out)
