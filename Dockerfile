# docker-compose.yml says what each container runs, and with which settings.
FROM python:3.13.13-slim-trixie AS python
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/srv/python/bin:$PATH
WORKDIR /srv/prospectflow

FROM python AS build
COPY requirements.txt .
# Wheels alone: nothing is compiled, here or later.
RUN python -m venv --without-pip /srv/python \
    && pip --python /srv/python/bin/python install --no-cache-dir --disable-pip-version-check \
        --only-binary :all: --compile --require-hashes --requirement requirements.txt
COPY . .
RUN set -a && . deploy/production-check.env && python manage.py collectstatic --no-input --verbosity 0 \
    && python -m compileall -q .

FROM postgres:18.6-trixie AS pgbouncer
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends pgbouncer \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /srv/prospectflow
COPY deploy/pgbouncer deploy/pgbouncer
USER 999:999
ENTRYPOINT []

FROM python AS prospectflow
RUN useradd --system --uid 10001 --no-create-home prospectflow \
    && install --directory --owner 10001 --group 10001 /backups
COPY --from=build /srv /srv
USER 10001
EXPOSE 8000

# With the programs that write and read archives, of the server's own version.
FROM prospectflow AS backup
USER 0
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates postgresql-common \
    && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y \
    && apt-get install --yes --no-install-recommends postgresql-client-18 \
    && rm -rf /var/lib/apt/lists/*
USER 10001
