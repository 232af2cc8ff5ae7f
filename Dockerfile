# syntax=docker/dockerfile:1
# Serves the catalogue under /srv/artefacts. If there is none, it draws, trains and serves the demo. The image contains
# the repository's checkpoint, so that `vitrine index` makes a catalogue without training.
#
#   docker build -t vitrine .
#   docker build -t vitrine:cuda --build-arg DEVICE=cuda .
#
# TORCH_INDEX: a package index with CPU builds of torch and torchvision, such as PyTorch's own, for the smallest image.
# Without it the image has the default builds, which are linked to CUDA. An image for the CPU then keeps only the parts
# of CUDA that torch opens on import. Sizes: docs/container.md.

ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS dependencies
ARG DEVICE=cpu
ARG TORCH_INDEX=""
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
# Without pip inside: the one outside installs into it.
RUN python -m venv --without-pip /opt/venv
# Dependencies before code: a change of code does not install torch again.
COPY pyproject.toml ./
# With the client of PostgreSQL, so that one image serves a catalogue in a folder and one in a database.
RUN python -c "import tomllib; of = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
print(*of['dependencies'], *of['optional-dependencies']['postgres'], sep='\n')" > requirements.txt
RUN if [ -n "$TORCH_INDEX" ]; then \
        grep ^torch requirements.txt | pip --python /opt/venv/bin/python install --index-url "$TORCH_INDEX" -r /dev/stdin; \
    fi \
    && pip --python /opt/venv/bin/python install -r requirements.txt
# Remove what only a kernel compiler or a GPU opens, and try at once whether torch still works.
RUN if [ "$DEVICE" = cpu ]; then \
        packages=$(/opt/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') \
        && rm -rf "$packages"/triton "$packages"/torch/include "$packages"/nvidia/*/include \
            "$packages"/nvidia/cudnn/lib/libcudnn_* "$packages"/nvidia/*/lib/libcusolverMg* \
            "$packages"/nvidia/*/lib/libnvperf* "$packages"/nvidia/*/lib/libnvrtc*.alt.* \
        && /opt/venv/bin/python -c 'import torch as t, torchvision, transformers; t.nn.Conv2d(3, 8, 3)(t.ones(1, 3, 9, 9))'; \
    fi

FROM dependencies AS build
COPY . .
RUN pip --python /opt/venv/bin/python install --no-deps --target /opt/vitrine .

FROM python:${PYTHON} AS service
ARG DEVICE=cpu
RUN useradd --uid 10001 --create-home --no-log-init vitrine && install -d -o 10001 -g vitrine /srv/artefacts
# Ordered from what changes least to what changes most.
COPY --from=dependencies /opt/venv /opt/venv
# Paths as in a clone: below the working directory.
COPY checkpoints /srv/checkpoints
COPY training/configs /srv/training/configs
COPY --from=build /opt/vitrine /opt/vitrine
# Passive: OpenMP threads that spin at a barrier become very slow when another process takes a core. A safe path: Python
# imports nothing from the working folder.
ENV PATH=/opt/vitrine/bin:/opt/venv/bin:$PATH PYTHONPATH=/opt/vitrine PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1 MPLCONFIGDIR=/tmp \
    OMP_WAIT_POLICY=PASSIVE ORT_DISABLE_TELEMETRY=1 HF_HUB_OFFLINE=1 VITRINE_DEVICE=${DEVICE} VITRINE_HOST=0.0.0.0 VITRINE_PORT=8000
USER 10001
WORKDIR /srv
VOLUME /srv/artefacts
EXPOSE 8000
# Making the demo takes about two minutes; a catalogue that is there is served at once.
HEALTHCHECK --interval=10s --timeout=10s --start-period=10m \
    CMD ["python", "-c", "import httpx; httpx.get('http://127.0.0.1:8000/readyz', timeout=8).raise_for_status()"]
CMD ["vitrine", "serve", "--or-demo"]
