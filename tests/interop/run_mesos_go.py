#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds and runs the framework on mesos-go: 1,000 tasks, a custom executor, a failover."""

import os
import sys

from client_runner import build, check_program, expect_counts, run

GOPATH = '/usr/share/gocode'
LIBRARY = 'src/github.com/mesos/mesos-go/api/v1/lib'
EXPECTED = {
    'finished': 1000,
    'killed': 20,
    'reconciled': 60,
    'messages': 1,
    'failovers': 1,
    'strange': 0,
}


def main():
    def client(options, workspace, address):
        return [os.path.join(options.build_dir, 'mesos_go'), '--master', address]

    def prepare(options, source):
        go = check_program('go', 'golang-go', '/usr/local/go/bin')
        if not os.path.isdir(os.path.join(GOPATH, LIBRARY)):
            sys.exit('mesos-go is not there: apt-get install golang-github-mesos-mesos-go-dev')
        # The library is older than Go's modules; nothing is fetched.
        settings = {
            'GO111MODULE': 'off',
            'GOPATH': GOPATH,
            'GOFLAGS': '',
            'CGO_ENABLED': '0',
            'GOCACHE': os.path.join(options.build_dir, 'cache'),
        }
        build(
            [go, 'build', '-o', os.path.join(options.build_dir, 'mesos_go'), '.'],
            os.path.join(source, 'mesos_go'),
            settings,
        )

    return run(__doc__, prepare, client, expect_counts(EXPECTED), base_port=24700)


if __name__ == '__main__':
    sys.exit(main())
