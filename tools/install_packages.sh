#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what Mesolith needs to build and to test on Debian 12. Quick when all is there.
# install_packages.sh build   compiler and libraries only
# install_packages.sh         the same and what the tests need
set -eu

build_packages="clang-19 lld-19 clang-format-19 clang-tidy-19 libclang-rt-19-dev
  libstdc++-12-dev libc6-dev binutils cmake ninja-build make ccache git
  libboost1.81-dev libboost-json1.81-dev libssl-dev protobuf-compiler libprotobuf-dev
  libsqlite3-dev libcurl4-openssl-dev libarchive-dev libspdlog-dev libfmt-dev libcli11-dev libgtest-dev libbenchmark-dev
  librapidcheck-dev zlib1g-dev libre2-dev pkgconf python3 curl"
test_packages="golang-github-mesos-mesos-go-dev"
# Programs that may as well come from elsewhere: program=package.
test_programs="go=golang-go node=nodejs npm=npm"

wanted=$build_packages
if [ "${1:-all}" != build ]; then
  wanted="$wanted $test_packages"
  for pair in $test_programs; do
    program=${pair%%=*}
    if ! command -v "$program" >/dev/null 2>&1 && ! [ -x "/usr/local/go/bin/$program" ]; then
      wanted="$wanted ${pair#*=}"
    fi
  done
fi

installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

if ! command -v dpkg-query >/dev/null 2>&1; then
  echo "This is not a Debian system; Mesolith is built on Debian 12 with:" $wanted >&2
  exit 1
fi
missing=
for package in $wanted; do
  installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "Installing:$missing" >&2
as_root=
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    echo "These packages are missing, and this user cannot install them (neither root nor sudo):" >&2
    echo "  apt-get install --no-install-recommends$missing" >&2
    exit 1
  fi
  as_root=sudo
fi

install_missing() {
  $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends $missing >&2
}
# The lists of a fresh machine are empty or old.
if ! { $as_root apt-get update -q >&2 && install_missing; }; then
  echo "apt could not install all of:$missing" >&2
  echo "Still missing:" >&2
  for package in $missing; do
    installed "$package" || echo "  $package" >&2
  done
  echo "On Debian 12 each is in the main archive; check /etc/apt/sources.list and the network." >&2
  exit 1
fi
