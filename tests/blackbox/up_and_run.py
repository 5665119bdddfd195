#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The first minutes: `mesolith up`, then each command that talks to the cluster."""

import json
import re
import signal
import subprocess
import sys
import time
import unittest

from cluster_fixture import healthy, run_tests, wait_until

workspace = None


class UpAndRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.port = workspace.launcher.port()
        cls.master = '127.0.0.1:%d' % cls.port
        cls.log = open(workspace.path('up.log'), 'w')
        cls.up = subprocess.Popen(
            [
                workspace.binary,
                'up',
                '--port',
                str(cls.port),
                '--agents',
                '2',
                '--resources',
                'cpus:2;mem:2048;disk:1000',
                '--data-dir',
                workspace.path('up'),
            ],
            stdin=subprocess.DEVNULL,
            stdout=cls.log,
            stderr=cls.log,
        )
        wait_until('`up` serves', lambda: cls.up.poll() is not None or healthy(cls.master))
        wait_until('two agents are there', lambda: len(cls.listed('agents', 'slaves')) == 2)

    @classmethod
    def tearDownClass(cls):
        if cls.up.poll() is None:
            cls.up.send_signal(signal.SIGINT)
        status = cls.up.wait(20)
        cls.log.close()
        assert status == 0, '`up` ended with status %d after SIGINT' % status

    @classmethod
    def mesolith(cls, command, *words, status=0, **more):
        done = subprocess.run(
            [workspace.binary, command, '--master', cls.master, *words],
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            **more
        )
        assert done.returncode == status, 'mesolith %s: %d, expected %d\n%s%s' % (
            command,
            done.returncode,
            status,
            done.stdout,
            done.stderr,
        )
        return done.stdout

    @classmethod
    def listed(cls, command, member, *words):
        answer = json.loads(cls.mesolith(command, '--json', *words))
        return answer[member] if isinstance(answer, dict) else answer

    def start(self, script):
        """`run` of a task that goes on; returns the process and the task's id."""
        known = {t['id'] for t in self.listed('tasks', 'tasks', '--all')}
        run = subprocess.Popen(
            [workspace.binary, 'run', '--master', self.master, '--shell', script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

        def task():
            new = [
                t
                for t in self.listed('tasks', 'tasks')
                if t['id'] not in known and t['state'] == 'TASK_RUNNING'
            ]
            return new[0]['id'] if new else None

        self.addCleanup(lambda: run.poll() is None and (run.kill(), run.wait()))
        return run, wait_until('the task runs', task)

    def test_addresses_are_printed(self):
        with open(workspace.path('up.log')) as f:
            said = f.read()
        self.assertIn('http://' + self.master, said)
        self.assertEqual(len(re.findall(r'^agent +http://127\.0\.0\.1:\d+', said, re.M)), 2)

    def test_run_prints_what_the_task_prints(self):
        begin = time.monotonic()
        self.assertEqual(self.mesolith('run', '--', 'echo', 'hello'), 'hello\n')
        self.assertEqual(self.mesolith('run', '--shell', 'echo $((6 * 7))'), '42\n')
        self.assertEqual(self.mesolith('run', '--env', 'A=b c', '--shell', 'echo "$A"'), 'b c\n')
        self.assertLess(time.monotonic() - begin, 30)

    def test_run_exits_as_the_task(self):
        self.mesolith('run', '--shell', 'exit 7', status=7)
        self.mesolith('run', '--', '/no/such/program', status=1)

    def test_run_says_what_is_wrong(self):
        for words, status in (
            (['--no-such-option', '--', 'true'], 2),
            ([], 2),
            (['--resources', 'x:y', '--', 'true'], 1),
        ):
            self.mesolith('run', *words, status=status)
        self.mesolith('run', '--timeout', '1', '--resources', 'cpus:1000', '--', 'true', status=1)

    def test_lists(self):
        for command, member in (
            ('ps', 'tasks'),
            ('tasks', 'tasks'),
            ('agents', 'slaves'),
            ('frameworks', 'frameworks'),
            ('roles', 'roles'),
        ):
            self.listed(command, member)
            self.mesolith(command)
        self.assertEqual(len(self.listed('agents', 'slaves')), 2)

    def test_logs_why_kill(self):
        run, task = self.start('echo begun; echo bad >&2; exec sleep 1000')
        wait_until('its output', lambda: self.mesolith('logs', task) == 'begun\n')
        self.assertEqual(self.mesolith('logs', '--stderr', task), 'bad\n')
        self.assertTrue(self.mesolith('why', task).strip())
        json.loads(self.mesolith('why', '--json', task))
        self.mesolith('kill', task)
        run.wait(30)
        self.assertEqual(run.returncode, 1)
        self.assertIn('TASK_KILLED', run.stderr.read())
        run.stdout.close(), run.stderr.close()
        self.assertNotIn(task, self.mesolith('ps'))
        self.assertEqual(self.mesolith('logs', task), 'begun\n')

    def test_why_a_framework_waits(self):
        waiting = subprocess.Popen(
            [
                workspace.binary,
                'run',
                '--master',
                self.master,
                '--name',
                'too-large',
                '--resources',
                'cpus:64;mem:32',
                '--',
                'true',
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(lambda: (waiting.kill(), waiting.wait()))

        def framework():
            found = [f for f in self.listed('frameworks', 'frameworks') if f['name'] == 'too-large']
            return found[0]['id'] if found else None

        identity = wait_until('the framework is known', framework)
        self.assertTrue(self.mesolith('why', 'framework', identity).strip())
        self.mesolith('why', '--latest', '5')

    def test_unknown_ids(self):
        for command in ('logs', 'why', 'kill'):
            self.mesolith(command, 'no-such', status=1)

    def test_no_master(self):
        done = subprocess.run(
            [workspace.binary, 'ps', '--master', '127.0.0.1:1'], capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn('127.0.0.1:1', done.stderr)

    def test_interrupted_run_leaves_nothing(self):
        run, task = self.start('exec sleep 1000')
        run.send_signal(signal.SIGINT)
        run.wait(30)
        self.assertEqual(run.returncode, 130)
        run.stdout.close(), run.stderr.close()
        wait_until('its task is gone', lambda: task not in self.mesolith('ps'))


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], 24600))
