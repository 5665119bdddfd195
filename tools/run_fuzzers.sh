#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run_fuzzers.sh directory seconds: runs each fuzz entry for that long, two at a time where the
# machine allows. Exits 1 when one finds something; the input is left beside the program.
set -eu
directory=$1
seconds=$2
cd "$directory"
ls ./*_fuzz >/dev/null
printf '%s\n' ./*_fuzz | xargs -P "$(nproc)" -I {} sh -c '
  name=$(basename "$1")
  mkdir -p "corpus/$name"
  if "$1" -max_total_time="$2" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$name-" \
      "corpus/$name" >"$name.log" 2>&1; then
    echo "$name: $2 s without a finding, $(ls "corpus/$name" | wc -l) inputs kept"
  else
    tail -n 40 "$name.log"
    echo "$name: FOUND SOMETHING, see $(pwd)/$name.log"
    exit 1
  fi' run {} "$seconds"
