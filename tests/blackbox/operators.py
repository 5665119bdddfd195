#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an operator does to a cluster, over the operator API and with the commands."""

import json
import subprocess
import sys
import unittest

from cluster_fixture import Workspace, argument_parser, client, wait_until, wire

OPERATOR = '/api/v1'
workspace = None


def call(address, kind, media='json', **body):
    """The answer to one operator call."""
    message = {'type': kind}
    if body:
        message[kind.lower()] = body
    return wire.request(
        address,
        'POST',
        OPERATOR,
        {'Content-Type': client.MEDIA['json'], 'Accept': client.MEDIA[media]},
        json.dumps(message).encode(),
    )


def ask(address, kind, **body):
    answer = call(address, kind, **body)
    assert answer.status == 200, '%s: %d %s' % (kind, answer.status, answer.text())
    return json.loads(answer.body)[kind.lower()] if answer.body else None


class OneCluster(unittest.TestCase):
    """A cluster of two agents for all tests of the class, and a framework for each test."""

    AGENTS, MASTER_FLAGS = 2, {}
    CAPABILITIES = ('PARTITION_AWARE', 'TASK_KILLING_STATE', 'MULTI_ROLE')

    @classmethod
    def setUpClass(cls):
        cls.cluster = workspace.cluster(cls.MASTER_FLAGS, agents=cls.AGENTS)
        cls.master = cls.cluster.master_addr

    @classmethod
    def tearDownClass(cls):
        cls.cluster.stop()

    def framework(self, role='test', **info):
        one = client.Framework(
            self.master, caps=self.CAPABILITIES, roles=[role], checkpoint=True, **info
        )
        self.addCleanup(one.teardown)
        return one.subscribe()

    def mesolith(self, command, *words, status=0):
        done = subprocess.run(
            [workspace.binary, command, '--master', self.master, *words],
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout

    def agents(self):
        return {a['agent_info']['id']['value']: a for a in ask(self.master, 'GET_AGENTS')['agents']}


class EventStream(OneCluster):
    AGENTS, MASTER_FLAGS = 1, {'max_operator_event_stream_subscribers': 4}

    def watch(self, media='json'):
        head = {'Content-Type': client.MEDIA['json'], 'Accept': client.MEDIA[media]}
        stream = client.Stream(
            self.master, OPERATOR, head, b'{"type":"SUBSCRIBE"}', 'master.Event', media
        )
        self.assertEqual(stream.response.status, 200)
        self.assertEqual(stream.response.headers['content-type'], client.MEDIA[media])
        self.addCleanup(stream.close)
        return stream

    def test_a_task_from_its_launch_to_its_end(self):
        stream = self.watch()
        state = stream.take('SUBSCRIBED')['subscribed']['get_state']
        self.assertEqual(len(state['get_agents']['agents']), 1)
        self.assertEqual(state['get_frameworks']['frameworks'], [])
        stream.take('HEARTBEAT')
        framework = self.framework()
        added = stream.take('FRAMEWORK_ADDED')['framework_added']['framework']
        self.assertEqual(added['framework_info']['id']['value'], framework.id)
        self.assertTrue(added['connected'])
        task = client.task('sleep 0.1')
        framework.run(task, 'TASK_FINISHED')
        added = stream.take('TASK_ADDED')['task_added']['task']
        self.assertEqual(added['task_id'], task['task_id'])
        self.assertEqual(added['state'], 'TASK_STAGING')
        for expected in ('TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED'):
            updated = stream.take('TASK_UPDATED')['task_updated']
            self.assertEqual(updated['state'], expected)
            self.assertEqual(updated['status']['task_id'], task['task_id'])
        framework.teardown()
        stream.take('FRAMEWORK_REMOVED')

    def test_protobuf_frames(self):
        connection = wire.Connection(self.master)
        self.addCleanup(connection.close)
        head = {'Content-Type': client.MEDIA['protobuf'], 'Accept': client.MEDIA['protobuf']}
        connection.send(wire.build_request(self.master, 'POST', OPERATOR, head, b'\x08\x12'))
        self.assertEqual(connection.read_head().status, 200)
        decoder, records = wire.RecordDecoder(), []
        while len(records) < 2:
            records += decoder.feed(connection.read_chunk())
        self.assertTrue(records[0].startswith(b'\x08\x01'), 'type: SUBSCRIBED')
        self.assertEqual(records[1], b'\x08\x09', 'HEARTBEAT')

    def test_the_oldest_stream_is_closed_beyond_the_limit(self):
        streams = [self.watch() for _ in range(5)]
        self.assertTrue(streams[0].wait_closed())
        for stream in streams[1:]:
            stream.take('SUBSCRIBED')
            self.assertFalse(stream.closed)

    def test_the_command_prints_a_line_each(self):
        watch = subprocess.Popen(
            [workspace.binary, 'events', '--master', self.master, '--count', '3'],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(lambda: watch.poll() is None and watch.kill())
        self.assertIn('SUBSCRIBED', watch.stdout.readline())
        framework = self.framework()
        framework.teardown()
        self.assertIn('FRAMEWORK_ADDED   ' + framework.id, watch.stdout.readline())
        self.assertIn('FRAMEWORK_REMOVED ' + framework.id, watch.stdout.readline())
        self.assertEqual(watch.wait(10), 0)
        watch.stdout.close()
        first = json.loads(self.mesolith('events', '--json', '--count', '1'))
        self.assertEqual(first['type'], 'SUBSCRIBED')


def main():
    global workspace
    parser = argument_parser(__doc__)
    parser.add_argument('--base-port', type=int, default=24700)
    parser.add_argument('tests', nargs='*', help='Class or Class.test_name')
    options = parser.parse_args()
    with Workspace(options.binary, options.base_port, options.keep) as workspace:
        program = unittest.main(
            argv=[sys.argv[0]] + options.tests, exit=False, verbosity=2, warnings='ignore'
        )
    return 0 if program.result.wasSuccessful() else 1


if __name__ == '__main__':
    sys.exit(main())
