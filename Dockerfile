# Everything of the house in one image; what a container runs is its command (compose.yaml).
# Build context: a clean clone. The lock is installed with its hashes, as on any machine.
FROM python:3.11.9-slim-bookworm AS built
WORKDIR /opt/counterseal
COPY requirements.lock pyproject.toml README.md ./
COPY .ci/install .ci/install
COPY platform platform
COPY storage storage
COPY evidence evidence
COPY flows flows
COPY ui ui
RUN sh .ci/install app python3 .venv

FROM python:3.11.9-slim-bookworm
# openssl verifies time-stamps; chromium prints evidence reports and may be left out
ARG EXTRAS="openssl openssh-client"
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ${EXTRAS} \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /srv/counterseal --shell /usr/sbin/nologin house \
 && install -d -o house -g house -m 0700 /srv/counterseal \
 && install -d -o house -g house -m 0700 /srv/signer
COPY --from=built /opt/counterseal /opt/counterseal
COPY policies /opt/counterseal/policies
COPY prefect.yaml /opt/counterseal/prefect.yaml
WORKDIR /opt/counterseal
ENV PATH=/opt/counterseal/.venv/bin:$PATH \
    COUNTERSEAL_HOME=/srv/counterseal/home \
    COUNTERSEAL_POLICIES=/opt/counterseal/policies \
    COUNTERSEAL_SIGNER_STATE=/srv/signer \
    PYTHONUNBUFFERED=1
USER house
HEALTHCHECK --interval=60s --timeout=10s --start-period=180s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ.get(\"WEB_PORT\", 3000)}/healthz', timeout=5)"]
ENTRYPOINT ["python", "-m", "ui.cli.app"]
CMD ["up"]
