# Esteio as an image: slim, without root, with a health check, PostgreSQL's driver and OpenTelemetry. Build it in a clone:
#   docker build -t esteio .
FROM python:3.12-slim AS build
WORKDIR /src
COPY requirements-installer.lock requirements.lock ./
RUN python -m venv /opt/esteio \
 && /opt/esteio/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements-installer.lock \
 && /opt/esteio/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN /opt/esteio/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin esteio \
 && install -d -o esteio -g esteio -m 0700 /data
COPY --from=build /opt/esteio /opt/esteio
ENV PATH=/opt/esteio/bin:$PATH ESTEIO_LISTEN=0.0.0.0:8700 ESTEIO_DATA=/data
USER esteio
WORKDIR /data
VOLUME /data
EXPOSE 8700
# /readyz and not /livez: a gateway that cannot write is not healthy.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8700/readyz', timeout=4)"]
CMD ["esteio", "serve"]
