#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every endpoint and read-only call that was recorded from the original answers here alike.

The cluster is brought into the recorded state (tests/golden: a framework with tasks in all states,
one that has ended, weights, a quota, maintenance); then each recorded request is made. The answer
has the recorded status and media type, and at least the recorded keys with values of the same JSON
types: of a list, those that any of its elements has.
"""

import glob
import gzip
import json
import os
import re
import sys
import unittest

from cluster_fixture import client, run_tests, SOURCE, wait_until, wire

GOLDEN = os.path.join(SOURCE, 'tests', 'golden')
RECORDED_FRAMEWORK = '0f50c303-a9ad-46e9-ba6b-2a32963a2667-0001'
RECORDED_AGENT = '0f50c303-a9ad-46e9-ba6b-2a32963a2667-S0'
workspace = None

# What is not there, and why. A pattern is matched against "file: path of the key".
ABSENT = (
    (r'(git_sha|git_branch)$', 'optional: builds outside of a git checkout have none'),
    (r'log_dir$', 'optional: only with --log_dir'),
    (r'flags\.http|\.flags\.', 'flags are as given; which there are is in --help'),
    (r'info\.checkpoint$|registry.*resources\[\]\.role', 'v0 fields that v1 does not have'),
    (r'container_id\.parent', 'nested containers are not recorded here'),
    (r'disk_(limit|used|statistics)|cgroups.*statistics', 'only with that isolation'),
    (r'files-debug.http: \./', 'paths; ours hold other ids'),
    (r'command\.arguments', 'the agent is the command executor itself'),
    (r'frameworks-after-teardown', 'of tasks that ended with their framework'),
    (r'metrics.*(frameworks/demo|/task_|operations/)', 'names with ids, and of what happened'),
    (r'metrics.*(quota/roles|offer_filters)', 'of roles that have no quota, no framework'),
    (r'metrics.*(_ms|allocation_runs|registry_size|recovery_time)', 'nothing measures these'),
    (r'metrics.*(cache_size|provisioner|resource_provider)', 'of parts that do not exist'),
    (r'exit_code|healthy|\[\]\.reason', 'checks have tests of their own'),
)
# A path of the original that is served here although it was not there.
MORE = ('master/version-with-process-id.http',)


class Recorded:
    """A recorded request and its answer."""

    def __init__(self, path):
        self.name = os.path.relpath(path, GOLDEN)
        with open(path, 'rb') as f:
            request, _, answer = f.read().partition(b'\n#<')
        head, _, self.body = request.partition(b'\n\n')
        lines = head.decode().splitlines()
        self.method, self.target = lines[1].split()[:2]
        self.headers = dict(line.split(': ', 1) for line in lines[2:])
        self.headers.pop('Host')
        self.of_agent = self.name.startswith('agent') or '/agent-' in self.name
        self.headers.pop('Content-Length', None)
        self.body = self.body.strip()
        head, _, answer_body = answer.partition(b'\n\n')
        lines = head.decode().splitlines()
        self.status = int(lines[1].split()[1])
        self.answer_headers = {
            k.lower(): v for k, v in (line.split(': ', 1) for line in lines[2:] if ': ' in line)
        }
        self.answer_body = answer_body.strip()


def parsed(body):
    text = body.decode()
    wrapped = re.match(r'^\w+\((.*)\)$', text, re.S)
    return json.loads(wrapped.group(1) if wrapped else text)


def shape(value, path='', into=None):
    """The JSON types found at each path; elements of a list share one."""
    into = {} if into is None else into
    into.setdefault(path, set()).add(type(value).__name__)
    if isinstance(value, dict):
        for key, member in value.items():
            shape(member, path + '.' + key, into)
    elif isinstance(value, list):
        for member in value:
            shape(member, path + '[]', into)
    return into


def excused(name, path):
    return any(re.search(pattern, name + ': ' + path) for pattern, _ in ABSENT)


def differences(name, recorded, ours):
    expected, found = shape(recorded), shape(ours)
    out = []
    for path, types in sorted(expected.items()):
        if excused(name, path):
            continue
        if path not in found:
            out.append('%s is absent' % path)
        elif not found[path] & types:
            out.append('%s is %s, recorded as %s' % (path, found[path], types))
    return out


class Endpoints(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        log = workspace.path('external.log')
        with open(log, 'w') as f:
            f.write('Log file created at: 2026/11/22 13:16:40\n' * 100)
        cls.cluster = workspace.cluster(
            {'cluster': 'demo', 'external_log_file': log},
            {'attributes': 'rack:r1;zone:a;size:4;ports:[80-90]'},
        )
        cls.master, cls.agent = cls.cluster.master_addr, cls.cluster.agent_addr
        cls.agent_id = cls.cluster.slaves()[0]['id']
        old = client.Framework(cls.master, name='demo-old', role='demo-old', checkpoint=True)
        old.subscribe()
        old.run(client.task('true'), 'TASK_FINISHED')
        old.teardown()
        wait_until('it has ended', lambda: cls.get('/frameworks')['completed_frameworks'])
        cls.framework = client.Framework(
            cls.master,
            caps=('MULTI_ROLE', 'RESERVATION_REFINEMENT', 'PARTITION_AWARE', 'TASK_KILLING_STATE'),
            name='demo',
            roles=['demo-role'],
            hostname='demo.example',
            webui_url='http://demo.example/2',
            principal='demo-principal',
            checkpoint=True,
            failover_timeout=60.0,
            labels={'labels': [{'key': 'demo-key', 'value': 'v'}]},
        ).subscribe()
        cls.start_tasks()
        cls.administer()

    @classmethod
    def start_tasks(cls):
        framework = cls.framework
        labels = {'labels': [{'key': 'demo-key', 'value': 'v'}]}
        ports = client.ranges('ports', (31000, 31001))
        running = cls.task('demo-running', 'echo demo; sleep 1000', labels=labels)
        running['resources'] += [ports, client.scalar('disk', 10)]
        running['kill_policy'] = {'grace_period': {'nanoseconds': 10**9}}
        running['discovery'] = {
            'visibility': 'CLUSTER',
            'name': 'demo-discovery',
            'environment': 'e',
            'location': 'l',
            'version': 'v',
            'ports': {'ports': [{'number': 31000, 'name': 'demo-port', 'protocol': 'tcp'}]},
            'labels': labels,
        }
        running['health_check'] = {
            'type': 'COMMAND',
            'command': {'value': 'true'},
            'delay_seconds': 0.0,
            'interval_seconds': 600.0,
            'timeout_seconds': 5.0,
            'consecutive_failures': 3,
            'grace_period_seconds': 5.0,
        }
        running['check'] = {
            'type': 'COMMAND',
            'command': {'command': {'value': 'exit 3'}},
            'delay_seconds': 0.0,
            'interval_seconds': 600.0,
            'timeout_seconds': 5.0,
        }
        framework.run(running)
        framework.run(cls.task('demo-finished', 'true'), 'TASK_FINISHED')
        framework.run(cls.task('demo-failed', 'exit 7'), 'TASK_FAILED')
        killed = cls.task('demo-killed', 'sleep 1000')
        framework.run(killed)
        framework.kill(killed)
        framework.update(killed, 'TASK_KILLED')
        custom = cls.task('demo-custom', 'none', labels=labels)
        del custom['command']
        custom['executor'] = {
            'type': 'CUSTOM',
            'executor_id': {'value': 'demo-executor'},
            'framework_id': {'value': framework.id},
            'name': 'demo-executor',
            'source': 'demo-source',
            'data': 'ZGF0YQ==',
            'command': {
                'value': 'sleep 1000',
                'environment': client.environment(DEMO='1'),
            },
            'resources': client.resources(),
            'labels': labels,
        }
        framework.launch(custom)
        wait_until(
            'the container of the executor runs',
            lambda: b'demo-executor' in wire.request(cls.agent, 'GET', '/containers').body,
        )
        executor = client.Executor(cls.agent, framework.id, 'demo-executor').subscribe()
        executor.take('LAUNCH')
        executor.update('demo-custom', 'TASK_RUNNING')
        framework.update(custom, 'TASK_RUNNING')
        lost = cls.task('demo-lost', 'none')
        del lost['command']
        lost['executor'] = dict(
            custom['executor'], executor_id={'value': 'demo-gone'}, command={'value': 'exit 1'}
        )
        framework.run(lost, 'TASK_FAILED', offer=framework.offer(cls.is_large))

    @staticmethod
    def is_large(offer):
        return any(r['name'] == 'cpus' and r['scalar']['value'] >= 1 for r in offer['resources'])

    @staticmethod
    def task(name, command, **more):
        task = client.task(command, **more)
        task['name'] = task['task_id']['value'] = name
        return task

    @classmethod
    def reserve(cls):
        labels = {'labels': [{'key': 'demo-key', 'value': 'v'}]}
        reservation = {
            'type': 'DYNAMIC',
            'role': 'demo-role',
            'principal': 'demo-principal',
            'labels': labels,
        }
        resources = [
            client.scalar(name, amount, reservations=[reservation])
            for name, amount in (('cpus', 0.5), ('mem', 64), ('disk', 32))
        ]
        agent = {'value': cls.agent_id}
        body = {'agent_id': agent, 'resources': resources}
        cls.post('/api/v1', {'type': 'RESERVE_RESOURCES', 'reserve_resources': body}, status=202)
        volume = dict(resources[2])
        volume['disk'] = {
            'persistence': {'id': 'demo-volume', 'principal': 'demo-principal'},
            'volume': {'mode': 'RW', 'container_path': 'data'},
        }
        body = {'agent_id': agent, 'volumes': [volume]}
        cls.post('/api/v1', {'type': 'CREATE_VOLUMES', 'create_volumes': body}, status=202)

    @classmethod
    def administer(cls):
        cls.reserve()
        cls.post('/weights', [{'role': 'demo-role', 'weight': 2.5}], 'PUT')
        quota = {
            'role': 'demo-quota',
            'guarantees': {'cpus': {'value': 0.1}, 'mem': {'value': 32}},
            'limits': {'cpus': {'value': 1}, 'mem': {'value': 128}},
        }
        cls.post('/api/v1', {'type': 'UPDATE_QUOTA', 'update_quota': {'quota_configs': [quota]}})
        agent = cls.get('/slaves')['slaves'][0]
        machine = {'hostname': agent['hostname'], 'ip': '127.0.0.1'}
        down = {'hostname': 'demo-down.example', 'ip': '192.0.2.1'}
        start, hour = 4102444800 * 10**9, 3600 * 10**9
        window = {
            'machine_ids': [machine, down],
            'unavailability': {'start': {'nanoseconds': start}, 'duration': {'nanoseconds': hour}},
        }
        cls.post('/maintenance/schedule', {'windows': [window]})
        cls.post('/machine/down', [down])
        inverse = cls.framework.take('INVERSE_OFFERS')['inverse_offers']['inverse_offers'][0]
        cls.framework.call(
            'ACCEPT_INVERSE_OFFERS',
            inverse_offer_ids=[inverse['id']],
            filters={'refuse_seconds': 1000.0},
        )
        wait_until(
            'an offer with the window is open',
            lambda: any('unavailability' in o for f in cls.frameworks() for o in f['offers']),
        )

    @classmethod
    def frameworks(cls):
        answer = cls.post('/api/v1', {'type': 'GET_FRAMEWORKS'})
        return [f for f in json.loads(answer.body)['get_frameworks']['frameworks'] if 'offers' in f]

    @classmethod
    def get(cls, path):
        return json.loads(wire.request(cls.master, 'GET', path).body)

    @classmethod
    def post(cls, path, value, method='POST', status=200):
        head = {'Content-Type': client.MEDIA['json']}
        answer = wire.request(cls.master, method, path, head, json.dumps(value).encode())
        assert answer.status == status, '%s: %d %s' % (path, answer.status, answer.text)
        return answer

    @classmethod
    def tearDownClass(cls):
        cls.framework.teardown()
        cls.cluster.stop()

    def ours(self, recorded):
        """The same request, with ids of this cluster."""
        body, target = recorded.body.decode(), recorded.target
        for old, new in ((RECORDED_FRAMEWORK, self.framework.id), (RECORDED_AGENT, self.agent_id)):
            body, target = body.replace(old, new), target.replace(old, new)
        address = self.agent if recorded.of_agent else self.master
        answer = wire.request(address, recorded.method, target, recorded.headers, body.encode())
        if answer.headers.get('content-encoding') == 'gzip':
            answer.body = gzip.decompress(answer.body)
        return answer

    def compare(self, pattern):
        names = sorted(glob.glob(os.path.join(GOLDEN, pattern)))
        self.assertTrue(names, pattern)
        for name in names:
            recorded = Recorded(name)
            if recorded.name in MORE:
                continue
            with self.subTest(recorded.name):
                answer = self.ours(recorded)
                self.assertEqual(answer.status, recorded.status, answer.text[:300])
                media = recorded.answer_headers.get('content-type')
                self.assertEqual(answer.headers.get('content-type'), media)
                if media not in ('application/json', 'text/javascript'):
                    continue
                if recorded.answer_headers.get('content-encoding'):
                    self.assertEqual(answer.headers.get('content-encoding'), 'gzip')
                    continue
                found = differences(
                    recorded.name, parsed(recorded.answer_body), parsed(answer.body)
                )
                self.assertFalse(found, '\n'.join([''] + found))

    def test_master(self):
        self.compare('master/*.http')

    def test_agent(self):
        self.compare('agent/*.http')

    def test_operator_calls(self):
        self.compare('transcripts/operator/*.http')


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], 24800))
