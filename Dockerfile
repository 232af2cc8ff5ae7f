# syntax=docker/dockerfile:1
# Serves the catalogue under /srv/artefacts; draws, trains and serves the demo when there is none. The checkpoint that
# comes with the repository is in the image, so that `vitrine index` makes that catalogue without training.
#
#   docker build -t vitrine .
#   docker build -t vitrine:cuda --build-arg DEVICE=cuda .
#
# TORCH_INDEX: a package index with other builds of torch and torchvision, such as PyTorch's CPU-only wheels, which
# make the image several GB smaller. Without it the default builds are taken; they run on CPU and GPU.

ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS dependencies
ARG TORCH_INDEX=""
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /srv
# Dependencies before code: a change of code does not install torch again.
COPY pyproject.toml ./
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" \
    > requirements.txt
RUN if [ -n "$TORCH_INDEX" ]; then grep ^torch requirements.txt | pip install --index-url "$TORCH_INDEX" -r /dev/stdin; fi
RUN pip install -r requirements.txt

FROM dependencies AS build
COPY . .
RUN pip install --no-deps . && mkdir -p checkpoints

FROM python:${PYTHON}-slim AS service
ARG DEVICE=cpu
RUN useradd --system --uid 10001 --create-home vitrine && install -d -o 10001 -g vitrine /srv/artefacts
COPY --from=build /opt/venv /opt/venv
# Found as in a clone: below the working directory.
COPY --from=build /srv/checkpoints /srv/checkpoints
# Passive: OpenMP threads that spin at a barrier collapse when a neighbour takes a core.
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 OMP_WAIT_POLICY=PASSIVE HF_HUB_OFFLINE=1 \
    VITRINE_DEVICE=${DEVICE} VITRINE_HOST=0.0.0.0 VITRINE_PORT=8000
USER 10001
WORKDIR /srv
VOLUME /srv/artefacts
EXPOSE 8000
# Making the demo takes about two minutes; a catalogue that is there is served at once.
HEALTHCHECK --interval=15s --timeout=10s --start-period=10m --start-interval=2s \
    CMD ["python", "-c", "import httpx; httpx.get('http://127.0.0.1:8000/readyz', timeout=8).raise_for_status()"]
CMD ["vitrine", "serve", "--or-demo"]
