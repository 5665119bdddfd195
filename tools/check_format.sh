#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Exits 1 and says where when a C++ file is not as clang-format 19 writes it (make format mends it).
set -eu
cd "$(dirname "$0")/.."
if git rev-parse --git-dir >/dev/null 2>&1; then
  git ls-files -z 'src/*.cpp' 'src/*.hpp' 'tests/*.cpp' 'tests/*.hpp' 'bench/*.cpp' 'bench/*.hpp'
else
  find src tests bench \( -name '*.cpp' -o -name '*.hpp' \) -print0
fi | xargs -0 -r clang-format-19 --dry-run --Werror --ferror-limit=3
