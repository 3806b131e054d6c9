#!/usr/bin/env bash
# Run the official conformance runner against `helamem mcp --http` on this machine. Needs npx with node 22 or newer.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
port=${PORT:-8431}
runner=${RUNNER:-npx --yes @modelcontextprotocol/conformance@0.2.0-alpha.11}
"${PYTHON:-python}" -m helamem mcp --http --port "$port" --file "$folder/memory.db" --embedder hashing &
server=$!
trap 'kill $server; rm -rf "$folder"' EXIT
until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do kill -0 $server; sleep 0.2; done
for version in 2025-11-25 2026-07-28; do
  $runner server --url "http://127.0.0.1:$port/mcp" --suite all --spec-version $version \
    --expected-failures "$here/mcp-expected-failures.yml" --output-dir "$folder/$version"
done
