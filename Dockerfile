# syntax=docker/dockerfile:1
# Two images of one repository (docs/container.md):
#
#   docker build -t vitrine .                                            serves and indexes; no torch, no compiler, no pip
#   docker build -t vitrine:train --target train .                       trains as well, on a CPU
#   docker build -t vitrine:cuda --target train --build-arg DEVICE=cuda .
#   docker build --target sbom --output build .                          build/sbom.json: the packages of the first
#
# TORCH_INDEX: a package index with CPU builds of torch, such as PyTorch's own, for the smallest image that trains.

# python:3.11-slim-bookworm (3.11.16) as Docker's list of official images has it on 2026-09-19, for amd64 and arm64. The
# current one: docker buildx imagetools inspect python:3.11-slim-bookworm --format '{{.Manifest.Digest}}'
ARG PYTHON=python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

FROM ${PYTHON} AS packages
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
# Without pip inside: the one outside installs into it.
RUN python -m venv --without-pip /opt/venv
# Packages before code: a change of code installs none of them again.
COPY requirements/serve.txt requirements/
RUN pip --python /opt/venv/bin/python install --require-hashes --no-deps -r requirements/serve.txt

# What no service opens: a library for programs in C++, tools that change models, tests, headers.
FROM packages AS lean
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /opt/venv/lib/python3.11/site-packages
RUN rm -rf onnxruntime/capi/libonnxruntime.so* onnxruntime/{backend,datasets,tools,transformers} numpy/_core/include \
    && find . -name tests -type d -prune -exec rm -rf {} + \
    && find . \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.c' -o -name '*.h' \) -type f -delete

FROM packages AS sbom-tools
COPY requirements/tools.txt requirements/
RUN python -m venv --without-pip /opt/tools \
    && pip --python /opt/tools/bin/python install --require-hashes --no-deps -r requirements/tools.txt
COPY pyproject.toml ./
RUN /opt/tools/bin/cyclonedx-py environment /opt/venv/bin/python --pyproject pyproject.toml --output-reproducible \
    --output-file /sbom.json

FROM scratch AS sbom
COPY --from=sbom-tools /sbom.json /

FROM packages AS train-packages
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ARG DEVICE=cpu
ARG TORCH_INDEX=""
COPY requirements/train.txt requirements/torch.txt requirements/
RUN if [ -n "$TORCH_INDEX" ]; then \
        sed -nE 's/^(torch|torchvision)==([^ ]+).*/\1==\2/p' requirements/torch.txt \
        | pip --python /opt/venv/bin/python install --index-url "$TORCH_INDEX" -r /dev/stdin; \
    else \
        pip --python /opt/venv/bin/python install --require-hashes --no-deps -r requirements/torch.txt; \
    fi \
    && pip --python /opt/venv/bin/python install --require-hashes --no-deps -r requirements/train.txt
# Remove what only a kernel compiler or a GPU opens, and try at once whether torch still works.
RUN if [ "$DEVICE" = cpu ]; then \
        packages=$(/opt/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') \
        && rm -rf "$packages"/triton "$packages"/torch/include "$packages"/nvidia/*/include \
            "$packages"/nvidia/cudnn/lib/libcudnn_* "$packages"/nvidia/*/lib/libcusolverMg* \
            "$packages"/nvidia/*/lib/libnvperf* "$packages"/nvidia/*/lib/libnvrtc*.alt.* \
        && /opt/venv/bin/python -c 'import torch as t, torchvision, transformers; t.nn.Conv2d(3, 8, 3)(t.ones(1, 3, 9, 9))'; \
    fi

FROM packages AS code
COPY requirements/build.txt requirements/
RUN pip --python /opt/venv/bin/python install --require-hashes --no-deps -r requirements/build.txt
COPY . .
# The checkpoint apart: it changes less often than the code.
RUN pip --python /opt/venv/bin/python install --no-deps --no-build-isolation --target /opt/vitrine . \
    && mv /opt/vitrine/vitrine/checkpoints /opt/checkpoints

# What both images have besides their packages.
FROM ${PYTHON} AS base
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN useradd --uid 10001 --create-home --no-log-init vitrine && install -d -o 10001 -g vitrine /srv/artefacts \
    && rm -rf /usr/local/lib/python3*/site-packages/* /usr/local/lib/python3*/ensurepip /usr/local/bin/{pip,wheel}* \
    && if command -v pip; then exit 1; fi
# Passive: OpenMP threads that spin at a barrier become very slow when another process takes a core. A safe path: Python
# imports nothing from the working folder.
ENV PATH=/opt/vitrine/bin:/opt/venv/bin:$PATH PYTHONPATH=/opt/vitrine PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1 MPLCONFIGDIR=/tmp \
    OMP_WAIT_POLICY=PASSIVE ORT_DISABLE_TELEMETRY=1 HF_HUB_OFFLINE=1 VITRINE_HOST=0.0.0.0 VITRINE_PORT=8000
WORKDIR /srv
VOLUME /srv/artefacts
EXPOSE 8000
# A shell's own connection: a Python that imports an HTTP client costs a quarter of a second of a core at each check.
HEALTHCHECK --interval=10s --timeout=10s --start-period=1m CMD ["/bin/bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/8000 && printf 'GET /readyz HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && read -r _ code _ <&3 && [ \"$code\" = 200 ]"]
CMD ["vitrine", "serve", "--or-demo"]

FROM base AS train
ARG DEVICE=cpu
COPY --from=train-packages /opt/venv /opt/venv
COPY --from=code /opt/checkpoints /opt/vitrine/vitrine/checkpoints
COPY --from=code /opt/vitrine /opt/vitrine
ENV VITRINE_DEVICE=${DEVICE}
USER 10001

FROM train AS demo
ENV VITRINE_DEVICE=cpu
WORKDIR /tmp
RUN vitrine demo --no-serve --folder made && mkdir demo && mv made/checkpoint made/catalogue demo

FROM base AS serve
COPY --from=lean /opt/venv /opt/venv
COPY --from=code /opt/checkpoints /opt/vitrine/vitrine/checkpoints
COPY --from=demo /tmp/demo /srv/demo
COPY --from=code /opt/vitrine /opt/vitrine
ENV VITRINE_DEVICE=cpu VITRINE_DEMO=/srv/demo
USER 10001
