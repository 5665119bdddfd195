#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks, health checks and task groups, which the agent runs without a process of its own.

Each test looks from outside: at what the framework is told, and at the processes and files that a
task has left.
"""

import json
import os
import re
import signal
import socket
import sys
import threading
import time
import unittest

from cluster_fixture import (
    client,
    run_tests,
    started_at,
    wait_until,
    wire,
)

HEALTH = 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED'
CHECK = 'REASON_TASK_CHECK_STATUS_UPDATED'
KILLING = ('PARTITION_AWARE', 'TASK_KILLING_STATE')
workspace = None


def health(**fields):
    return dict(
        {
            'delay_seconds': 0.0,
            'interval_seconds': 0.2,
            'timeout_seconds': 5.0,
            'grace_period_seconds': 0.0,
            'consecutive_failures': 3,
        },
        **fields
    )


def command_health(value, **fields):
    return health(type='COMMAND', command={'value': value}, **fields)


def pids_in(directory):
    """Processes whose working directory is there or below, with their arguments."""
    found = {}
    for entry in filter(str.isdigit, os.listdir('/proc')):
        try:
            where = os.readlink('/proc/%s/cwd' % entry)
            if where == directory or where.startswith(directory + '/'):
                with open('/proc/%s/cmdline' % entry, 'rb') as f:
                    found[int(entry)] = f.read().replace(b'\0', b' ').decode(errors='replace')
        except OSError:
            pass
    return found


class Server:
    """A port of this machine that answers every connection with some bytes, or only takes it."""

    def __init__(self, answer=None):
        self.answer, self.connections = answer, 0
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(('127.0.0.1', workspace.launcher.port()))
        self.port = self.socket.getsockname()[1]
        self.socket.listen(64)
        self.held = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            self.held.append(peer)
            threading.Thread(target=self.speak, args=(peer,), daemon=True).start()

    def speak(self, peer):
        if self.answer is None:
            return
        try:
            peer.recv(65536)
            answer = self.answer
            if callable(answer):
                answer(peer)
            else:
                peer.sendall(answer)
            peer.close()
        except OSError:
            pass

    def close(self):
        if self.socket.fileno() >= 0:
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for peer in self.held:
            peer.close()


def http(status, **headers):
    lines = ''.join('%s: %s\r\n' % item for item in headers.items())
    return ('HTTP/1.1 %d X\r\nContent-Length: 0\r\n%s\r\n' % (status, lines)).encode()


class OneCluster(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = workspace.cluster()

    @classmethod
    def tearDownClass(cls):
        cls.cluster.stop()

    def framework(self, **info):
        info.setdefault('caps', KILLING)
        framework = client.Framework(self.cluster.master_addr, **info).subscribe()
        self.addCleanup(framework.teardown)
        return framework

    def sandbox(self, framework, executor):
        state = json.loads(wire.request(self.cluster.agent_addr, 'GET', '/state').body)
        for each in state['frameworks'] + state['completed_frameworks']:
            if each['id'] != framework.id:
                continue
            for run in each['executors'] + each['completed_executors']:
                if run['id'] == executor:
                    return run['directory']
        raise AssertionError('the agent does not know executor ' + executor)

    def statuses(self, framework, task):
        return [
            e['update']['status']
            for e in framework.stream.all_events
            if e.get('type') == 'UPDATE' and e['update']['status']['task_id'] == task['task_id']
        ]

    def kinds(self, framework, task):
        return [(s['state'], s.get('healthy')) for s in self.statuses(framework, task)]

    def server(self, answer=None):
        server = Server(answer)
        self.addCleanup(server.close)
        return server


class HealthChecks(OneCluster):
    def unhealthy(self, check, why):
        framework = self.framework()
        task = client.task('sleep 1000', health_check=check)
        framework.launch(task)
        status = framework.update(task, 'TASK_KILLED', timeout=30)
        self.assertIs(status.get('healthy'), False, why)
        self.assertNotIn('reason', status)
        failures = [('TASK_RUNNING', False)] * check['consecutive_failures']
        self.assertEqual(
            self.kinds(framework, task),
            [('TASK_STARTING', None), ('TASK_RUNNING', None)]
            + failures
            + [('TASK_KILLING', None), ('TASK_KILLED', False)],
            why,
        )
        for told in self.statuses(framework, task)[2:-2]:
            self.assertEqual(told['reason'], HEALTH)
        self.assertEqual(pids_in(self.sandbox(framework, task['task_id']['value'])), {}, why)
        framework.teardown()

    def test_unhealthy_is_killed_by_command(self):
        self.unhealthy(command_health('exit 3', consecutive_failures=2), 'its command fails')

    def test_unhealthy_is_killed_by_http(self):
        for answer in (http(500), http(404), http(199), b'no http at all\r\n\r\n', b''):
            server = self.server(answer)
            check = health(
                type='HTTP', http={'port': server.port, 'path': '/'}, consecutive_failures=2
            )
            self.unhealthy(check, 'it answers %r' % answer)

    def test_unhealthy_is_killed_by_tcp(self):
        server = self.server()
        server.close()
        self.unhealthy(
            health(type='TCP', tcp={'port': server.port}, consecutive_failures=2), 'closed port'
        )
        self.unhealthy(health(type='TCP', tcp={'port': 70000}, consecutive_failures=1), 'no port')

    def test_an_unhealthy_task_that_ignores_sigterm(self):
        framework = self.framework()
        task = client.task(
            'trap "" TERM; while :; do sleep 1; done',
            health_check=command_health('false', consecutive_failures=1, delay_seconds=0.5),
            kill_policy={'grace_period': {'nanoseconds': 500000000}},
        )
        framework.launch(task)
        status = framework.update(task, 'TASK_KILLED', timeout=20)
        self.assertEqual(status['message'], 'Command terminated with signal Killed')
        self.assertIs(status['healthy'], False)

    def test_grace_period(self):
        framework = self.framework()
        task = client.task(
            'sleep 1000',
            health_check=command_health('false', grace_period_seconds=2.0, consecutive_failures=1),
        )
        framework.run(task)
        begin = time.monotonic()
        framework.update(task, 'TASK_KILLED', timeout=20)
        self.assertGreater(time.monotonic() - begin, 1.5)
        self.assertEqual([h for _, h in self.kinds(framework, task)].count(False), 2)

    def test_a_success_ends_the_grace_period(self):
        framework = self.framework()
        flag = workspace.path('healthy-once')
        task = client.task(
            'sleep 1000',
            health_check=command_health(
                'test ! -e %s && touch %s' % (flag, flag), grace_period_seconds=3600.0
            ),
        )
        framework.launch(task)
        framework.update(task, 'TASK_KILLED', timeout=20)
        self.assertEqual([h for _, h in self.kinds(framework, task)][2:4], [True, False])

    def test_failures_count_only_in_a_row(self):
        framework = self.framework()
        flag = workspace.path('flapping')
        task = client.task(
            'sleep 1000',
            health_check=command_health(
                'if test -e %s; then rm %s; else touch %s; false; fi' % (flag, flag, flag),
                consecutive_failures=2,
            ),
        )
        framework.launch(task)
        wait_until('it has flapped', lambda: len(self.kinds(framework, task)) > 8)
        told = [h for _, h in self.kinds(framework, task)][2:8]
        self.assertEqual(told, [False, True] * 3)

    def test_redirects(self):
        good = self.server(http(200))
        for location, endless in (
            ('http://127.0.0.1:%d/x' % good.port, False),
            ('http://localhost:%d' % good.port, False),
            ('/again', True),
        ):
            server = self.server()
            server.answer = http(302, Location=location)
            framework = self.framework()
            task = client.task(
                'sleep 1000', health_check=health(type='HTTP', http={'port': server.port})
            )
            framework.launch(task)
            # A redirect that is not followed any more is itself the answer, and no failure.
            self.assertTrue(framework.update(task, 'TASK_RUNNING', HEALTH)['healthy'])
            self.assertGreater(good.connections, 0)
            self.assertEqual(server.connections > 5, endless)
            framework.teardown()

    def test_hanging_checks_end_at_their_timeout(self):
        silent = self.server()
        dribble = self.server(
            lambda peer: [peer.sendall(b'X') or time.sleep(0.05) for _ in range(400)]
        )
        flood = self.server(
            lambda peer: [peer.sendall(b'HTTP/1.1 200 X\r\n')]
            + [peer.sendall(b'A: ' + b'b' * 65000 + b'\r\n') for _ in range(2000)]
        )
        framework = self.framework()
        tasks = []
        for check in (
            command_health('sleep 1000', timeout_seconds=0.5),
            command_health('trap "" TERM; setsid sleep 1000 & sleep 1000', timeout_seconds=0.5),
            command_health('while :; do sleep 1000 & done', timeout_seconds=0.3),
            command_health('yes', timeout_seconds=0.3),
            health(type='HTTP', http={'port': silent.port}, timeout_seconds=0.5),
            health(type='HTTP', http={'port': dribble.port}, timeout_seconds=0.5),
            health(type='HTTP', http={'port': flood.port}, timeout_seconds=5.0),
        ):
            check['consecutive_failures'] = 2
            check['interval_seconds'] = 0.5
            tasks.append(client.task('sleep 1000', cpus=0.1, health_check=check))
        framework.launch(*tasks)
        for task in tasks:
            status = framework.update(task, 'TASK_KILLED', timeout=60)
            self.assertIs(status['healthy'], False)
            directory = self.sandbox(framework, task['task_id']['value'])
            wait_until('nothing of it is left', lambda: not pids_in(directory))
        self.assertTrue(self.cluster.agents[0].alive())
        pid = self.cluster.agents[0].pid
        with open('/proc/%d/status' % pid) as f:
            resident = int(re.search(r'VmRSS:\s+(\d+) kB', f.read()).group(1))
        self.assertLess(resident, 200 << 10, 'kilobytes of the agent')
        wait_until(
            'no connection of a probe is left',
            lambda: len(os.listdir('/proc/%d/fd' % pid)) < 60,
        )

    def test_a_check_runs_as_its_task(self):
        framework = self.framework()
        task = client.task(
            'touch here; sleep 1000',
            health_check=health(
                type='COMMAND',
                command={
                    'value': 'test "$A$B" = taskcheck && test -e here && test `id -un` = nobody',
                    'environment': client.environment(B='check'),
                },
                grace_period_seconds=5.0,
            ),
        )
        task['command'].update(user='nobody', environment=client.environment(A='task', B='task'))
        framework.launch(task)
        self.assertTrue(framework.update(task, 'TASK_RUNNING', HEALTH)['healthy'])

    def test_no_looks_after_the_end(self):
        server = self.server(http(200))
        framework = self.framework()
        task = client.task(
            'trap "sleep 2; exit 0" TERM; while :; do sleep 0.1; done',
            health_check=health(type='HTTP', http={'port': server.port}),
            kill_policy={'grace_period': {'nanoseconds': 10**10}},
        )
        framework.launch(task)
        framework.update(task, 'TASK_RUNNING', HEALTH)
        framework.kill(task)
        framework.update(task, 'TASK_KILLING')
        server.answer = http(500)
        before = server.connections
        status = framework.update(task, 'TASK_KILLED', timeout=20)
        self.assertNotIn('healthy', status)
        self.assertLessEqual(server.connections, before + 1)


class Checks(OneCluster):
    def result(self, check, timeout=20):
        framework = self.framework()
        fields = {'delay_seconds': 0.0, 'interval_seconds': 0.2, 'timeout_seconds': 5.0}
        task = client.task('sleep 1000', check=dict(fields, **check))
        framework.launch(task)
        result = framework.update(task, 'TASK_RUNNING', CHECK, timeout)['check_status']
        framework.teardown()
        return result

    def test_results(self):
        good = self.server(http(204))
        command = {'type': 'COMMAND', 'command': {'command': {'value': 'exit 42'}}}
        self.assertEqual(self.result(command)['command'], {'exit_code': 42})
        web = {'type': 'HTTP', 'http': {'port': good.port}}
        self.assertEqual(self.result(web)['http'], {'status_code': 204})
        tcp = {'type': 'TCP', 'tcp': {'port': good.port}}
        self.assertEqual(self.result(tcp)['tcp'], {'succeeded': True})

    def test_a_timeout_empties_the_result_and_the_task_lives(self):
        framework = self.framework()
        flag = workspace.path('slow')
        task = client.task(
            'sleep 1000',
            check={
                'type': 'COMMAND',
                'command': {'command': {'value': 'test -e %s && sleep 1000; exit 1' % flag}},
                'delay_seconds': 0.0,
                'interval_seconds': 0.1,
                'timeout_seconds': 0.5,
            },
        )
        framework.launch(task)
        status = framework.update(task, 'TASK_RUNNING', CHECK)
        self.assertEqual(status['check_status']['command'], {'exit_code': 1})
        open(flag, 'w').close()
        status = framework.update(task, 'TASK_RUNNING', CHECK)
        self.assertEqual(status['check_status'], {'type': 'COMMAND', 'command': {}})
        framework.none('UPDATE', 1.5)

    def test_check_and_health_stand_beside_each_other(self):
        framework = self.framework()
        task = client.task(
            'sleep 1000',
            check={
                'type': 'COMMAND',
                'command': {'command': {'value': 'exit 5'}},
                'delay_seconds': 0.0,
                'interval_seconds': 0.1,
            },
            health_check=command_health('true', delay_seconds=1.0),
        )
        framework.launch(task)
        framework.update(task, 'TASK_RUNNING', CHECK)
        status = framework.update(task, 'TASK_RUNNING', HEALTH)
        self.assertEqual(status['check_status']['command'], {'exit_code': 5})
        framework.kill(task)
        status = framework.update(task, 'TASK_KILLED')
        self.assertEqual(status['check_status'], {'type': 'COMMAND', 'command': {}})


class AgentKilled(OneCluster):
    """kill -9 of the agent while checks run: they go on, and what was known stays known."""

    def restart(self):
        agent = self.cluster.agents[0]
        agent.stop(signal.SIGKILL)
        self.cluster.start_agent(0)
        self.cluster.wait_agents(1)

    def test_checks_go_on(self):
        framework = self.framework(checkpoint=True, failover_timeout=1000.0)
        flag, seen = workspace.path('sick'), workspace.path('looks')
        task = client.task(
            'sleep 1000',
            check={
                'type': 'COMMAND',
                'command': {'command': {'value': 'test -e %s && exit 1; exit 0' % flag}},
                'delay_seconds': 0.0,
                'interval_seconds': 0.2,
            },
            health_check=command_health('echo >>%s; test ! -e %s' % (seen, flag)),
        )
        framework.launch(task)
        framework.update(task, 'TASK_RUNNING', HEALTH)
        wait_until(
            'both are known',
            lambda: self.statuses(framework, task)[-1].get('healthy')
            and 'exit_code' in self.statuses(framework, task)[-1]['check_status']['command'],
        )
        count = len(self.statuses(framework, task))
        for _ in range(3):
            self.restart()
            size = os.path.getsize(seen)
            wait_until('it looks again', lambda: os.path.getsize(seen) > size + 2)
        time.sleep(0.5)
        repeated = {s['uuid'] for s in self.statuses(framework, task)}
        self.assertEqual(len(repeated), count, 'nothing new was told')
        open(flag, 'w').close()
        status = framework.update(task, 'TASK_KILLED', timeout=30)
        self.assertIs(status['healthy'], False)

    def test_a_hanging_look_of_before_is_ended(self):
        framework = self.framework(checkpoint=True, failover_timeout=1000.0)
        task = client.task(
            'sleep 1000',
            health_check=command_health('exec sleep 4711', timeout_seconds=0.0),
        )
        framework.run(task)
        directory = self.sandbox(framework, task['task_id']['value'])

        def looks():
            return [pid for pid, words in pids_in(directory).items() if 'sleep 4711' in words]

        before = wait_until('it looks', looks)[0]
        when = started_at(before)
        self.restart()
        wait_until('the look of before has ended', lambda: started_at(before) != when)
        wait_until('there is one look again', lambda: len(looks()) == 1)

    def test_an_unhealthy_task_dies_though_the_agent_was_killed(self):
        framework = self.framework(checkpoint=True, failover_timeout=1000.0)
        task = client.task(
            'trap "" TERM; while :; do sleep 1; done',
            health_check=command_health('false', consecutive_failures=1, delay_seconds=0.3),
            kill_policy={'grace_period': {'nanoseconds': 4 * 10**9}},
        )
        framework.launch(task)
        framework.update(task, 'TASK_KILLING', timeout=20)
        self.restart()
        status = framework.update(task, 'TASK_KILLED', timeout=30)
        self.assertIs(status['healthy'], False)

    def test_a_group_lives_on(self):
        framework = self.framework(checkpoint=True, failover_timeout=1000.0)
        group = Group(framework, 'sleep 1000', 'sleep 1000').launch()
        group.running()
        pids = group.pids(self)
        self.restart()
        self.assertEqual(group.pids(self), pids)
        framework.kill(group.tasks[0])
        for task in group.tasks:
            framework.update(task, 'TASK_KILLED', timeout=20)
        framework.take('FAILURE')

    def test_a_group_that_ends_meanwhile(self):
        framework = self.framework(checkpoint=True, failover_timeout=1000.0)
        gate = workspace.path('gate')
        script = 'while ! test -e %s; do sleep 0.05; done; exit ' % gate
        group = Group(framework, script + '0', script + '9', 'sleep 1000').launch()
        group.running()
        self.cluster.agents[0].stop(signal.SIGKILL)
        open(gate, 'w').close()
        time.sleep(0.5)
        self.cluster.start_agent(0)
        framework.update(group.tasks[0], 'TASK_FINISHED', timeout=30)
        framework.update(group.tasks[1], 'TASK_FAILED', timeout=30)
        framework.update(group.tasks[2], 'TASK_KILLED', timeout=30)
        # FAILURE is told only by an agent that had told of the executor in this life.
        framework.offer(lambda o: 'executor_ids' not in o, timeout=20)


class Group:
    def __init__(self, framework, *commands, **executor):
        self.framework = framework
        self.tasks = [client.task(command, cpus=0.1) for command in commands]
        for task in self.tasks:
            task.setdefault('resources', [])
        self.executor = {
            'type': 'DEFAULT',
            'executor_id': {'value': client.unique('pod')},
            'framework_id': {'value': framework.id},
            'resources': client.resources(0.1, 32, 1),
        }
        self.executor.update(executor)

    def operation(self):
        return {
            'type': 'LAUNCH_GROUP',
            'launch_group': {'executor': self.executor, 'task_group': {'tasks': self.tasks}},
        }

    def launch(self, offer=None):
        offer = offer or self.framework.offer()
        for task in self.tasks:
            task['agent_id'] = offer['agent_id']
        self.framework.accept(offer, [self.operation()])
        return self

    def running(self):
        return [self.framework.update(task, 'TASK_RUNNING') for task in self.tasks]

    @property
    def id(self):
        return self.executor['executor_id']['value']

    def pids(self, test):
        return set(pids_in(test.sandbox(self.framework, self.id)))


class Groups(OneCluster):
    def test_a_group_that_finishes(self):
        framework = self.framework()
        group = Group(framework, 'echo one', 'sleep 0.5; echo two').launch()
        told = group.running()
        parents = {s['container_status']['container_id']['parent']['value'] for s in told}
        self.assertEqual(len(parents), 1, 'one executor')
        for task in group.tasks:
            status = framework.update(task, 'TASK_FINISHED')
            self.assertEqual(status['message'], 'Command exited with status 0')
            self.assertEqual(status['executor_id']['value'], group.id)
            self.assertEqual(
                framework.states(task), ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']
            )
        failure = framework.take('FAILURE')['failure']
        self.assertEqual((failure['executor_id']['value'], failure['status']), (group.id, 0))
        # Each in a sandbox of its own, reached by the task's name.
        directory = self.sandbox(framework, group.id)
        for task, words in zip(group.tasks, ('one\n', 'two\n')):
            named = os.path.join(directory, 'tasks', task['task_id']['value'])
            self.assertTrue(os.path.realpath(named).startswith(directory + '/containers/'))
            with open(named + '/stdout') as f:
                self.assertEqual(f.read(), words)
        path = '/files/read?offset=0&path=%s/tasks/%s/stdout' % (
            directory,
            group.tasks[0]['task_id']['value'],
        )
        answer = wire.request(self.cluster.agent_addr, 'GET', path)
        self.assertEqual(json.loads(answer.body)['data'], 'one\n')
        # What it held is offered again.
        framework.call('REVIVE')
        framework.offer(lambda o: 'executor_ids' not in o, timeout=10)

    def test_a_group_whose_task_fails(self):
        framework = self.framework()
        group = Group(framework, 'sleep 0.5; exit 7', 'sleep 1000', 'true').launch()
        failed, killed, finished = group.tasks
        framework.update(finished, 'TASK_FINISHED')
        status = framework.update(failed, 'TASK_FAILED')
        self.assertEqual(status['message'], 'Command exited with status 7')
        status = framework.update(killed, 'TASK_KILLED')
        self.assertEqual(status['message'], 'Command terminated with signal Terminated')
        self.assertIn('TASK_KILLING', framework.states(killed))
        framework.take('FAILURE')
        self.assertEqual(group.pids(self), set())

    def test_a_group_that_is_killed(self):
        framework = self.framework()
        group = Group(framework, 'sleep 1000', 'trap "" TERM; sleep 1000 & sleep 1000').launch()
        group.running()
        answer = wire.request(self.cluster.agent_addr, 'GET', '/containers')
        shown = [c for c in json.loads(answer.body) if c['executor_id'] == group.id]
        self.assertEqual(len(shown), 1, 'one container, of the executor')
        self.assertGreaterEqual(shown[0]['statistics']['processes'], 3)
        framework.kill(group.tasks[1], kill_policy={'grace_period': {'nanoseconds': 10**8}})
        for task in group.tasks:
            framework.update(task, 'TASK_KILLED', timeout=20)
        framework.take('FAILURE')
        self.assertEqual(group.pids(self), set())

    def test_groups_of_one_executor_are_apart(self):
        framework = self.framework()
        first = Group(framework, 'sleep 1000').launch()
        first.running()
        second = Group(framework, 'exit 1', 'sleep 1000')
        second.executor = first.executor
        second.launch(framework.offer(lambda o: o.get('executor_ids')))
        framework.update(second.tasks[0], 'TASK_FAILED')
        framework.update(second.tasks[1], 'TASK_KILLED')
        self.assertNotIn('TASK_KILLED', framework.states(first.tasks[0]))
        framework.none('FAILURE', 0.5)
        framework.call(
            'SHUTDOWN',
            executor_id=first.executor['executor_id'],
            agent_id=first.tasks[0]['agent_id'],
        )
        framework.update(first.tasks[0], 'TASK_KILLED')
        framework.take('FAILURE')

    def test_a_task_that_cannot_start(self):
        framework = self.framework()
        group = Group(framework, 'sleep 1000', 'x')
        group.tasks[1]['command'] = {'shell': False, 'value': '/no/such/program'}
        group.launch()
        framework.update(group.tasks[1], 'TASK_FAILED')
        framework.update(group.tasks[0], 'TASK_KILLED')
        framework.take('FAILURE')

    def test_an_unhealthy_task_takes_its_group_along(self):
        framework = self.framework()
        group = Group(framework, 'sleep 1000', 'sleep 1000')
        group.tasks[0]['health_check'] = command_health('false', consecutive_failures=1)
        group.launch()
        self.assertIs(framework.update(group.tasks[0], 'TASK_KILLED')['healthy'], False)
        self.assertNotIn('healthy', framework.update(group.tasks[1], 'TASK_KILLED'))

    def test_max_completion_time(self):
        framework = self.framework()
        group = Group(framework, 'sleep 1000', 'sleep 1000')
        group.tasks[0]['max_completion_time'] = {'nanoseconds': 10**9}
        group.launch()
        status = framework.update(group.tasks[0], 'TASK_FAILED')
        self.assertEqual(status['reason'], 'REASON_MAX_COMPLETION_TIME_REACHED')
        framework.update(group.tasks[1], 'TASK_KILLED')

    def test_the_environment_of_a_task(self):
        framework = self.framework()
        group = Group(framework, 'env; pwd').launch()
        framework.update(group.tasks[0], 'TASK_FINISHED')
        directory = self.sandbox(framework, group.id)
        name = os.path.join(directory, 'tasks', group.tasks[0]['task_id']['value'])
        with open(os.path.join(name, 'stdout')) as f:
            lines = f.read().splitlines()
        self.assertEqual(lines[-1], os.path.realpath(name))
        for line in ('MESOS_SANDBOX=' + lines[-1], 'MESOS_CONTAINER_IP=127.0.0.1'):
            self.assertIn(line, lines)
        self.assertIn('MESOS_ALLOCATION_ROLE=*', lines)
        self.assertFalse([line for line in lines if line.startswith('MESOS_EXECUTOR_ID')])

    def test_teardown_ends_a_group(self):
        framework = self.framework()
        group = Group(framework, 'sleep 1000', 'sleep 1000').launch()
        group.running()
        directory = self.sandbox(framework, group.id)
        framework.teardown()
        wait_until('nothing of it is left', lambda: not pids_in(directory))

    def test_refused_groups(self):
        framework = self.framework()

        def refused(group, words):
            group.launch()
            for task in group.tasks:
                status = framework.update(task, 'TASK_ERROR')
                self.assertEqual(status['reason'], 'REASON_TASK_GROUP_INVALID')
                self.assertEqual(status['source'], 'SOURCE_MASTER')
                self.assertIn(words, status['message'])

        group = Group(framework, 'true', 'true')
        del group.executor['type']
        refused(group, "'ExecutorInfo.type' must be set")
        group = Group(framework, 'true', 'true')
        group.executor['resources'].pop()
        refused(group, 'uses no disk')
        group = Group(framework, 'true', 'true')
        del group.executor['framework_id']
        refused(group, "'ExecutorInfo.framework_id' must be set")
        group = Group(framework, 'true', 'true')
        group.tasks[1]['task_id'] = group.tasks[0]['task_id']
        group.launch()
        self.assertIn('duplicate', framework.update(group.tasks[0], 'TASK_ERROR')['message'])
        group = Group(framework, 'true', 'true')
        group.tasks[1]['resources'] = [client.scalar('cpus', 1000.0)]
        refused(group, 'more than available')


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], 24700))
