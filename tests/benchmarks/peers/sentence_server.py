"""Runs in a peer's environment: sentence-transformers behind the smallest service that its users write.

    python sentence_server.py MODEL PORT torch|onnx

It is a library and has no service of its own. One thread encodes, since calls from many threads at once fight for the
cores; requests are encoded one by one, since the library forms no batches. Given a batch, it also says how
fast it is by itself: `POST /alone`. Knows nothing of Vitrine.
"""

import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sentence_transformers import SentenceTransformer


class Texts(BaseModel):
    input: list[str]


def application(folder: str, backend: str) -> FastAPI:
    options = {"file_name": "onnx/model_qint8_avx512_vnni.onnx"} if backend == "onnx" else {"dtype": "float32"}
    model = SentenceTransformer(folder, backend=backend, device="cpu", model_kwargs=options)
    pool = ThreadPoolExecutor(1)
    app = FastAPI()

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/v1/embeddings")
    async def embeddings(texts: Texts) -> JSONResponse:
        rows = await asyncio.get_running_loop().run_in_executor(pool, model.encode, texts.input)
        data = [{"object": "embedding", "index": n, "embedding": row.tolist()} for n, row in enumerate(rows)]
        return JSONResponse({"object": "list", "data": data})

    @app.post("/alone")
    def alone(texts: Texts) -> dict[str, float]:
        """Encode the texts again and again for a second, as one batch."""
        model.encode(texts.input, batch_size=len(texts.input))
        calls, start = 0, time.perf_counter()
        while time.perf_counter() < start + 1:
            model.encode(texts.input, batch_size=len(texts.input))
            calls += 1
        return {"per second": calls * len(texts.input) / (time.perf_counter() - start)}

    return app


if __name__ == "__main__":
    place, port, runtime = sys.argv[1:]
    uvicorn.run(application(place, runtime), port=int(port), access_log=False)
