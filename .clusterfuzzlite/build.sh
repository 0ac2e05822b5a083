#!/bin/bash -eu
# Builds every target but the canary for ClusterFuzzLite and OSS-Fuzz, whose base image sets SRC, OUT, SANITIZER and RUSTFLAGS
# and brings a nightly compiler with cargo-fuzz. docs/campaigns.md says how to run it with the same variables in a scratch folder.
cd "$SRC/halfopen"

# A report on coverage counts lines; assertions that never fail would be branches never taken.
if [ "$SANITIZER" = coverage ]; then
  export RUSTFLAGS="${RUSTFLAGS:-} -C debug-assertions=no"
fi

shells=fuzz/fuzz_targets
cargo fuzz build -O --debug-assertions --fuzz-dir "$shells"
built="${CARGO_TARGET_DIR:-target}/x86_64-unknown-linux-gnu/release"

for shell in "$shells"/*.rs; do
  target=$(basename "${shell%.rs}")
  # It fails on purpose, to try the engine itself.
  [ "$target" = canary ] && continue
  cp "$built/$target" "$OUT/"
  # Past findings are seeds too: they stay fixed.
  seeds=$(mktemp -d)
  for folder in "fuzz/corpus/$target" "fuzz/regressions/$target"; do
    if [ -d "$folder" ]; then cp "$folder"/* "$seeds/"; fi
  done
  if [ -n "$(ls -A "$seeds")" ]; then zip -jqr "$OUT/${target}_seed_corpus.zip" "$seeds"; fi
  rm -r "$seeds"
  for extra in "fuzz/engine/$target.options" "fuzz/engine/$target.dict"; do
    if [ -f "$extra" ]; then cp "$extra" "$OUT/"; fi
  done
done
