#!/usr/bin/env bash
# Start what docker-compose.yml describes as processes of this machine, in its order and with its
# commands and settings; ask it what people, programs and probes ask; stop it. Exit 0: it answered.
set -euo pipefail
cd "$(dirname "$0")/.."
exec .venv/bin/python -m deploy.rehearsal "$@"
