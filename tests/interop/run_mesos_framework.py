#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Installs and runs the scheduler on npm's mesos-framework: 100 tasks in JSON, a failover."""

import filecmp
import os
import shutil
import sys

from client_runner import build, check_program, expect_counts, run

EXPECTED = {
    'finished': 90,
    'killed': 10,
    'running': 0,
    'strange': 0,
    'reconciled': 20,
    'failovers': 1,
}


def main():
    def client(options, workspace, address):
        host, port = address.split(':')
        return [
            check_program('node', 'nodejs'),
            '--no-deprecation',
            os.path.join(options.build_dir, 'index.js'),
            host,
            port,
            workspace.directory,
        ]

    def prepare(options, source):
        npm = check_program('npm', 'npm')
        check_program('node', 'nodejs')
        folder = os.path.join(source, 'mesos_framework')
        lock = 'package-lock.json'
        installed = os.path.join(options.build_dir, 'node_modules', lock)
        shutil.copy(os.path.join(folder, 'index.js'), options.build_dir)
        if os.path.exists(installed) and filecmp.cmp(
            installed, os.path.join(folder, lock), shallow=False
        ):
            return
        for name in ('package.json', lock, '.npmrc'):
            shutil.copy(os.path.join(folder, name), options.build_dir)
        build([npm, 'ci'], options.build_dir, {})
        shutil.copy(os.path.join(folder, lock), installed)

    return run(__doc__, prepare, client, expect_counts(EXPECTED), base_port=24800)


if __name__ == '__main__':
    sys.exit(main())
