#!/bin/sh
# Takes the viewer of the report, and the licences of all that is in it, from the npm registry.
# Usage: tools/vendor_niivue.sh VERSION
set -eu
version=$1
assets=$(cd "$(dirname "$0")/../src/commissure/report/assets/niivue" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init --yes > npm-init.log
npm install --ignore-scripts --omit=optional "@niivue/niivue@$version"
cp node_modules/@niivue/niivue/dist/niivue.umd.js "$assets/niivue.umd.js"
# The package of NiiVue itself has no licence file: its text is kept in LICENSE-niivue.txt.
{
  printf 'NiiVue %s\n\n' "$version"
  cat "$assets/LICENSE-niivue.txt"
  find node_modules -maxdepth 3 -iname 'licen[sc]e*' | LC_ALL=C sort | while read -r file; do
    printf '\n\n========== %s\n\n' "$(dirname "${file#node_modules/}")"
    cat "$file"
  done
} > "$assets/LICENSES.txt"
echo "$version" > "$assets/VERSION"
(cd "$assets" && sha256sum niivue.umd.js > SHA256SUMS)
