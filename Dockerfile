# One image for every role; the command chooses which (`gateway`, `orchestrator`, `worker`, `migrate`, …).
# The simulators are left out, the embedding model and its runtime are inside, and it runs as a plain user.

FROM node:22-bookworm-slim AS portal
WORKDIR /source
COPY . .
RUN mkdir -p portal/dist \
    && if [ -f portal/package.json ]; then npm ci --prefix portal && npm run build --prefix portal; fi

FROM python:3.11-slim-bookworm AS model
WORKDIR /source
COPY scripts scripts
RUN scripts/model.sh

FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
COPY --from=portal /source/portal/dist portal/dist
RUN cargo build --release --locked --package cli --no-default-features

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libstdc++6 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home konstruct \
    && install -d -o konstruct -g konstruct /var/lib/konstruct
COPY --from=model /source/.local/onnxruntime /opt/konstruct/onnxruntime
COPY --from=model /source/.local/model /opt/konstruct/model
COPY --from=build /source/target/release/konstruct /usr/local/bin/konstruct
ENV KONSTRUCT_ENV=production \
    KONSTRUCT_BIND=0.0.0.0:8000 \
    KONSTRUCT_METRICS_BIND=0.0.0.0:9090 \
    LOG_FORMAT=json \
    ORT_DYLIB_PATH=/opt/konstruct/onnxruntime/libonnxruntime.so \
    EMBEDDING_MODEL_DIR=/opt/konstruct/model \
    STORAGE_URL=file:///var/lib/konstruct
USER konstruct
WORKDIR /var/lib/konstruct
EXPOSE 8000 9090
ENTRYPOINT ["konstruct"]
CMD ["all"]
