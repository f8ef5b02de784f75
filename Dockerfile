# Any base will do that has python3 (3.11 or later) with its venv module, and CA certificates.
ARG BASE_IMAGE=docker.io/library/python:3.13-slim-trixie

FROM ${BASE_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_NO_COMPILE=1 \
    PIP_ONLY_BINARY=:all:
WORKDIR /src
# Two environments: /build has pip and the build backend, the one that is shipped has neither.
COPY requirements.lock requirements-build.lock ./
RUN python3 -m venv /build \
    && /build/bin/pip install --require-hashes --no-deps -r requirements-build.lock \
    && python3 -m venv --without-pip /opt/helpdesk-gateway \
    && /build/bin/pip --python /opt/helpdesk-gateway install --require-hashes --no-deps -r requirements.lock
COPY . .
# Bytecode isn't written at run time. It doesn't ask for the sources' times, which a copy may change.
RUN /build/bin/pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /dist . \
    && /build/bin/pip --python /opt/helpdesk-gateway install --no-index --no-deps /dist/*.whl \
    && /build/bin/pip --python /opt/helpdesk-gateway check \
    && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/helpdesk-gateway \
    && install -m 0644 deploy/healthcheck.py /opt/helpdesk-gateway/healthcheck.py

FROM ${BASE_IMAGE}
ARG BASE_IMAGE
LABEL org.opencontainers.image.title="helpdesk-gateway" \
      org.opencontainers.image.description="A GraphQL gateway that makes five helpdesk REST APIs one graph." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.base.name="${BASE_IMAGE}"
# Some bases bring pip, which nothing here needs, and none of the standard library's bytecode, without
# which every start would compile it anew.
RUN python3 -m pip uninstall --yes --root-user-action=ignore pip || true; \
    python3 -m compileall -q --invalidation-mode unchecked-hash \
        "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=build /opt/helpdesk-gateway /opt/helpdesk-gateway
ENV PATH="/opt/helpdesk-gateway/bin:${PATH}" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# Where a volume for the ledger's SQLite file goes; a new one takes over the owner.
RUN install -d -o 10001 -g 10001 -m 0700 /var/lib/helpdesk-gateway
# Where `serve` and `check` look for helpdesk-gateway.toml.
WORKDIR /etc/helpdesk-gateway
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python3", "/opt/helpdesk-gateway/healthcheck.py"]
ENTRYPOINT ["helpdesk-gateway"]
CMD ["serve"]
USER 10001:10001
