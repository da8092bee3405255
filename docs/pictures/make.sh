#!/usr/bin/env bash
# Draws the README's pictures: graph.svg and run.svg by `nb2flow graph`, report.png from `nb2flow report` by chromium.
# Usage: make.sh FOLDER_OF_NB2FLOW. Works on a copy of the samples, so that nothing of this machine gets into a picture.
set -euo pipefail

bin=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$here/../../sample_notebooks/." "$work/"
cd "$work"
export NB2FLOW_HOME=.nb2flow COLUMNS=100
notebook=wine_quality.ipynb

"$bin/nb2flow" graph "$notebook" --output "$here/graph.svg"
"$bin/nb2flow" run "$notebook" --no-cache
"$bin/nb2flow" graph "$notebook" --run last --output "$here/run.svg"
"$bin/nb2flow" report last --output report.html

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ]; then
    echo "report.png is left as it was: no chromium here" >&2
    exit 0
fi
# As high as graph and timeline: below them stand the versions of this machine.
"$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1200,1040 \
    --screenshot="$here/report.png" "file://$work/report.html" >/dev/null 2>&1
ls -l "$here"
