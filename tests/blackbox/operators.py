#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an operator does to a cluster, over the operator API and with the commands."""

import json
import subprocess
import sys
import unittest

from cluster_fixture import client, run_tests, wait_until, wire

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
    assert answer.status == 200, '%s: %d %s' % (kind, answer.status, answer.text)
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

    def agent_of(self, task):
        tasks = ask(self.master, 'GET_TASKS')['tasks']
        return [t for t in tasks if t['task_id'] == task['task_id']][0]['agent_id']['value']

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


class Upkeep(OneCluster):
    def test_drain_kills_tells_why_and_ends_when_empty(self):
        framework = self.framework(failover_timeout=100.0)
        task = client.task()
        framework.run(task)
        agent = self.agent_of(task)
        self.mesolith('drain', agent, '--max-grace', '5secs', '--wait')
        killed = framework.update(task, 'TASK_KILLED')
        self.assertEqual(killed['reason'], 'REASON_AGENT_DRAINING')
        self.assertEqual(framework.states(task)[-2:], ['TASK_KILLING', 'TASK_KILLED'])
        drained = self.agents()[agent]
        self.assertEqual(drained['drain_info']['state'], 'DRAINED')
        self.assertEqual(
            drained['drain_info']['config']['max_grace_period'], {'nanoseconds': 5 * 10**9}
        )
        self.assertTrue(drained['deactivated'] and not drained['active'])
        framework.return_offers()
        other = framework.offer()
        self.assertNotEqual(other['agent_id']['value'], agent)
        self.cluster.master.stop()
        self.cluster.start_master()
        wait_until('the agent is back', lambda: agent in self.agents())
        self.assertEqual(self.agents()[agent]['drain_info']['state'], 'DRAINED')
        self.mesolith('reactivate', agent)
        self.assertNotIn('drain_info', self.agents()[agent])
        wait_until('it takes part again', lambda: self.agents()[agent]['active'])

    def test_deactivated_agents_are_not_offered(self):
        framework = self.framework()
        framework.offer()
        for agent in self.agents():
            self.mesolith('deactivate', agent)
        framework.take('RESCIND')
        self.assertFalse(any(a['active'] for a in self.agents().values()))
        self.assertIn('deactivated', self.mesolith('agents'))
        for agent in self.agents():
            self.mesolith('reactivate', agent)
            self.mesolith('reactivate', agent, status=1)
        framework.offer()

    def test_what_cannot_be_is_refused(self):
        agent = {'value': 'nobody'}
        for kind, status in (
            ('DRAIN_AGENT', 400),
            ('DEACTIVATE_AGENT', 400),
            ('REACTIVATE_AGENT', 400),
            ('MARK_AGENT_GONE', 404),
        ):
            answer = call(self.master, kind, agent_id=agent)
            self.assertEqual((answer.status, bool(answer.body)), (status, True), kind)
            answer = call(self.master, kind)
            self.assertEqual(answer.status, 400)
            self.assertIn("'%s' to be present" % kind.lower(), answer.text)


class Gone(OneCluster):
    def test_gone_is_for_ever(self):
        framework = self.framework()
        task = client.task()
        framework.run(task)
        agent = self.agent_of(task)
        process = [a for a in self.cluster.agents if self.cluster.agent_id(a) == agent][0]
        self.mesolith('gone', agent)
        gone = framework.update(task, 'TASK_GONE_BY_OPERATOR')
        self.assertEqual(gone['reason'], 'REASON_AGENT_REMOVED_BY_OPERATOR')
        framework.take('FAILURE', lambda e: e['failure'].get('agent_id') == {'value': agent})
        wait_until('its process ends', lambda: not process.alive())
        self.assertNotIn(agent, self.agents())
        self.mesolith('gone', agent)


class Settings(OneCluster):
    AGENTS = 1

    def restart(self):
        self.cluster.master.stop()
        self.cluster.start_master()
        self.cluster.wait_agents(1)

    def cpus(self, offer):
        return sum(r['scalar']['value'] for r in offer['resources'] if r['name'] == 'cpus')

    def test_weights(self):
        self.mesolith('weights', 'eng=2.5', 'ops=4')
        answer = wire.request(
            self.master, 'PUT', '/weights', {}, b'[{"role":"ops","weight":3}]'
        )
        self.assertEqual(answer.status, 200)
        self.restart()
        self.assertEqual(
            json.loads(wire.request(self.master, 'GET', '/weights').body),
            [{'role': 'eng', 'weight': 2.5}, {'role': 'ops', 'weight': 3.0}],
        )
        self.assertRegex(self.mesolith('weights'), r'(?m)^eng +2\.5')
        self.mesolith('weights', 'eng', status=2)
        self.mesolith('weights', 'eng=-1', status=1)
        for body in (b'{', b'[{"role":"x","weight":-1}]', b'[{"role":7}]', b'{}'):
            answer = wire.request(self.master, 'PUT', '/weights', {}, body)
            self.assertEqual((answer.status, bool(answer.body)), (400, True), body)

    def test_quota(self):
        self.mesolith('quota', 'eng', '--limit', 'cpus:1', '--guarantee', 'cpus:0.5')
        self.mesolith('quota', 'ops', '--guarantee', 'cpus:1.5')
        self.restart()
        self.assertRegex(self.mesolith('quota'), r'(?m)^eng +cpus:0\.5 +cpus:1')
        framework = self.framework('eng')
        self.assertEqual(self.cpus(framework.offer()), 1)
        other = self.framework('other')
        total = [a['total_resources'] for a in self.agents().values()][0]
        total = sum(r['scalar']['value'] for r in total if r['name'] == 'cpus')
        self.assertAlmostEqual(self.cpus(other.offer()), total - 1 - 1.5)
        other.teardown()
        framework.teardown()
        self.mesolith('quota', 'ops', '--guarantee', 'cpus:1000', status=1)
        self.mesolith('quota', 'ops', status=2)
        answer = wire.request(self.master, 'DELETE', '/quota/ops')
        self.assertEqual(answer.status, 200)
        answer = wire.request(self.master, 'DELETE', '/quota/ops')
        self.assertEqual(answer.status, 400)
        self.assertEqual(
            answer.text,
            "Failed to remove quota for path '/master/quota/ops': Role 'ops' has no quota set",
        )
        self.mesolith('quota', 'eng', '--reset')
        guarantee = [client.scalar('cpus', 1)]
        body = json.dumps({'role': 'old', 'guarantee': guarantee}).encode()
        self.assertEqual(wire.request(self.master, 'POST', '/quota', {}, body).status, 200)
        self.assertEqual(wire.request(self.master, 'POST', '/quota', {}, body).status, 400)
        self.assertEqual(wire.request(self.master, 'DELETE', '/quota/old').status, 200)


class Maintenance(OneCluster):
    AGENTS = 1

    def test_a_machine_goes_down_and_comes_back(self):
        framework = self.framework(failover_timeout=100.0)
        task = client.task()
        framework.run(task)
        framework.offer()
        host = [a['agent_info']['hostname'] for a in self.agents().values()][0]
        self.mesolith('maintenance', 'schedule', '--in', '1hrs', '--for', '2hrs', host)
        framework.take('RESCIND')
        offer = framework.offer()
        self.assertEqual(offer['unavailability']['duration'], {'nanoseconds': 7200 * 10**9})
        inverse = framework.take('INVERSE_OFFERS')['inverse_offers']['inverse_offers'][0]
        self.assertEqual(inverse['unavailability'], offer['unavailability'])
        framework.call(
            'DECLINE_INVERSE_OFFERS',
            inverse_offer_ids=[inverse['id']],
            filters={'refuse_seconds': 1.0},
        )
        self.assertIn('DECLINE by ' + framework.id, self.mesolith('maintenance'))
        framework.take('INVERSE_OFFERS', timeout=5)
        process = self.cluster.agents[0]
        self.mesolith('maintenance', 'down', host)
        self.assertEqual(framework.update(task)['state'], 'TASK_LOST')
        wait_until('its agent ends', lambda: not process.alive())
        self.assertIn('down', self.mesolith('maintenance'))
        self.mesolith('maintenance', 'cancel', host + ',127.0.0.1', status=1)
        self.mesolith('maintenance', 'up', host + ',127.0.0.1')
        self.assertNotIn(host, self.mesolith('maintenance'))
        self.cluster.start_agent(0)
        self.cluster.wait_agents(1)
        self.assertNotIn('unavailability', framework.offer())

    def test_wrong_schedules_are_refused(self):
        for path, body in (
            ('/maintenance/schedule', b'{'),
            ('/maintenance/schedule', b'{"windows":[{"machine_ids":[],"unavailability":{}}]}'),
            ('/machine/down', b'[{"hostname":"nobody"}]'),
            ('/machine/up', b'[{"hostname":"nobody"}]'),
            ('/machine/down', b'{}'),
            ('/machine/down', b'[]'),
        ):
            answer = wire.request(self.master, 'POST', path, {}, body)
            self.assertEqual((answer.status, bool(answer.body)), (400, True), (path, body))


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], 24900))
