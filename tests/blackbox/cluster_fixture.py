# SPDX-License-Identifier: Apache-2.0
"""What the outside tests share: clusters of the real program in a temporary directory.

Builds on tests/conformance (clusters by flags, HTTP, clients). Only processes started here, and
what they left behind below the temporary directory, are ever signalled, each by its pid.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, 'tests', 'conformance'))

import client  # noqa: E402,F401
import cluster  # noqa: E402
import wire  # noqa: E402


def argument_parser(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        '--binary',
        default=os.path.join(SOURCE, 'build', 'release', 'mesolith'),
        help='the program under test (%(default)s)',
    )
    parser.add_argument('--keep', action='store_true', help='keep the directory with logs')
    return parser


def started_at(pid):
    """When a process began, in clock ticks; None: there is none. With its pid it names one."""
    try:
        with open('/proc/%d/stat' % pid) as f:
            fields = f.read().rpartition(')')[2].split()
    except OSError:
        return None
    return None if fields[0] in 'ZX' else int(fields[19])


def process_with(word):
    """The pid of the process that has `word` in its arguments."""
    for entry in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open('/proc/%s/cmdline' % entry, 'rb') as f:
                if word in f.read():
                    return int(entry)
        except OSError:
            pass
    raise AssertionError('no process has %r in its arguments' % word)


def sweep(root):
    """Kills what runs below `root`: tasks by directory or environment, launchers by arguments."""
    cluster.sweep(root)
    mark = os.path.realpath(root).encode() + b'/'
    for entry in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open('/proc/%s/cmdline' % entry, 'rb') as f:
                ours = mark in f.read()
            if ours and int(entry) != os.getpid():
                os.kill(int(entry), signal.SIGKILL)
        except OSError:
            pass
    cluster.sweep(root)


class Workspace:
    """A temporary directory in which clusters are started; leaving it ends them all."""

    def __init__(self, binary, base_port=24000, keep=False):
        binary = os.path.abspath(binary)
        if not os.access(binary, os.X_OK):
            sys.exit('%s is not there: build it first (make build)' % binary)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that clusters are ended too
        self.keep = keep
        self.binary = binary
        self.directory = tempfile.mkdtemp(prefix='mesolith-test-')
        bin_directory = os.path.join(self.directory, 'bin')
        os.mkdir(bin_directory)
        self.master, self.agent = (
            os.path.join(bin_directory, 'mesos-' + role) for role in ('master', 'agent')
        )
        os.symlink(binary, self.master)
        os.symlink(binary, self.agent)
        self.launcher = cluster.Launcher(
            self.master, self.agent, self.directory, base_port, keep=True
        )

    def cluster(self, master_flags=None, agent_flags=None, agents=1):
        return self.launcher.cluster(master_flags, agent_flags, agents)

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def logs(self, lines=15):
        """The last lines of every master and agent."""
        out = []
        for directory, _, names in os.walk(self.directory):
            for name in sorted(n for n in names if n.endswith('.log')):
                with open(os.path.join(directory, name), errors='replace') as f:
                    out.append('--- %s\n%s' % (name, ''.join(f.readlines()[-lines:])))
        return '\n'.join(out)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if kind not in (None, SystemExit):
                print(self.logs(), file=sys.stderr)
        finally:
            self.launcher.stop_all()
            sweep(self.directory)
            if self.keep:
                print('kept: ' + self.directory, file=sys.stderr)
            else:
                shutil.rmtree(self.directory, ignore_errors=True)


def wait_until(what, predicate, timeout=20.0, step=0.02):
    """The first true value of predicate(); an AssertionError that says `what` after the timeout."""
    value = wire.wait_until(predicate, timeout, step)
    if not value:
        raise AssertionError('%s: not within %g s' % (what, timeout))
    return value


def healthy(address):
    try:
        return wire.request(address, 'GET', '/health', timeout=5).status == 200
    except (OSError, EOFError):
        return False


def wait_exit(process, timeout=20):
    """The exit status of a cluster.Process that should end by itself."""
    deadline = time.monotonic() + timeout
    while process.alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    if process.alive():
        raise AssertionError('%s still runs after %g s' % (process.argv[0], timeout))
    return process.popen.returncode


def run_tests(module, base_port):
    """Runs the tests of a module, which finds its clusters in module.workspace. An exit status."""
    parser = argument_parser(module.__doc__)
    parser.add_argument('--base-port', type=int, default=base_port, help='first port that is tried')
    parser.add_argument('tests', nargs='*', help='Class or Class.test_name')
    options = parser.parse_args()
    with Workspace(options.binary, options.base_port, options.keep) as workspace:
        module.workspace = workspace
        program = unittest.main(
            module=module,
            argv=[sys.argv[0]] + options.tests,
            exit=False,
            verbosity=2,
            warnings='ignore',
        )
        if not program.result.wasSuccessful():
            print(workspace.logs(), file=sys.stderr)
    return 0 if program.result.wasSuccessful() else 1
