# SPDX-License-Identifier: Apache-2.0
"""Runs somebody else's client against the real program: builds it, starts a master and an agent on
loopback ports, checks the client's exit status and the counts that it prints."""

import json
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
SOURCE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(SOURCE), 'blackbox'))

from cluster_fixture import Workspace, argument_parser  # noqa: E402

AGENT_FLAGS = {'resources': 'cpus:8;mem:8192;disk:10000;ports:[31000-31099]'}
CLIENT_SECONDS = 200


def check_program(name, package, *more_places):
    path = os.pathsep.join((os.environ.get('PATH', ''),) + more_places)
    found = shutil.which(name, path=path)
    if not found:
        sys.exit('%s is not there: apt-get install %s' % (name, package))
    return found


def build(command, directory, settings):
    done = subprocess.run(
        command, cwd=directory, env=dict(os.environ, **settings), capture_output=True, text=True
    )
    if done.returncode != 0:
        sys.exit('%s failed:\n%s%s' % (' '.join(command), done.stdout, done.stderr))


def expect_counts(expected):
    def check(output):
        counts = json.loads(output.strip().splitlines()[-1])
        if counts != expected:
            raise AssertionError('counted %s, expected %s' % (counts, expected))

    return check


def run(description, prepare, client, check, base_port):
    """`prepare(options, source)` builds the client, `client(options, workspace, address)` is its
    command line, `check(output)` raises when what it printed is wrong."""
    parser = argument_parser(description)
    parser.add_argument('--build-dir', required=True, help='where the client is built')
    options = parser.parse_args()
    options.build_dir = os.path.abspath(options.build_dir)
    os.makedirs(options.build_dir, exist_ok=True)
    prepare(options, SOURCE)
    with Workspace(options.binary, base_port, options.keep) as workspace:
        cluster = workspace.cluster(agent_flags=AGENT_FLAGS)
        done = subprocess.run(
            client(options, workspace, cluster.master_addr),
            cwd=workspace.directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CLIENT_SECONDS,
        )
        print(done.stdout.strip())
        if done.returncode != 0:
            raise AssertionError(
                'the client ended with status %d:\n%s' % (done.returncode, done.stderr[-4000:])
            )
        check(done.stdout)
    return 0
