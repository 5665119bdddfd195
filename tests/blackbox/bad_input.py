#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the program does with what is wrong: requests, clients, tasks, files, disks, ports.

After each wrong request the master and the agent still serve, and the witness, a task launched
before, still runs and is known.
"""

import glob
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

from cluster_fixture import (
    client,
    cluster,
    healthy,
    process_with,
    run_tests,
    started_at,
    wait_exit,
    wait_until,
    wire,
)

JSON, PROTOBUF = client.MEDIA['json'], client.MEDIA['protobuf']
SCHEDULER, EXECUTOR, OPERATOR = '/api/v1/scheduler', '/api/v1/executor', '/api/v1'
BODY_LIMIT = 64 << 20  # bytes of a request's body
QUESTIONS_LIMIT = 256  # for statistics, under way at once
READ_WINDOW = 64 << 10  # bytes of a file in one answer of /files/read
READ_LIMIT = 60  # seconds from a request's first byte to its last
workspace = None


class OneCluster(unittest.TestCase):
    """A cluster for all tests of the class, with a witness."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = workspace.cluster(agent_flags={'executor_registration_timeout': '5secs'})
        cls.master, cls.agent = cls.cluster.master_addr, cls.cluster.agent_addr
        cls.framework = client.Framework(
            cls.master, checkpoint=True, failover_timeout=1000.0
        ).subscribe()
        cls.witness = client.task()
        cls.framework.run(cls.witness, refuse=3600.0)  # leaves the offers to the tests

    @classmethod
    def tearDownClass(cls):
        cls.framework.teardown()
        cls.cluster.stop()

    def tearDown(self):
        self.assertTrue(healthy(self.master) and healthy(self.agent), 'master and agent serve')
        # The framework may have declined or accepted by itself: nothing but answers is taken here.
        self.framework.call('RECONCILE', tasks=[{'task_id': self.witness['task_id']}])
        self.framework.update(self.witness, 'TASK_RUNNING', 'REASON_RECONCILIATION')

    def post(self, address, path, body, content_type=JSON, **headers):
        head = {'Content-Type': content_type}
        head.update({k.replace('_', '-'): v for k, v in headers.items()})
        return wire.request(address, 'POST', path, head, body)

    def endpoints(self):
        return [
            (self.master, SCHEDULER),
            (self.master, OPERATOR),
            (self.agent, EXECUTOR),
            (self.agent, OPERATOR),
        ]


class Requests(OneCluster):
    def test_malformed_json_is_400(self):
        for address, path in self.endpoints():
            for body in (
                b'',
                b'{',
                b'{"type":',
                b'[]',
                b'"x"',
                b'nul',
                b'\xff\xfe{}',
                b'{"type":"NO_SUCH"}',
                b'{"type":"GET_METRICS","get_metrics":7,"subscribe":7}',
                b'[' * 100000,
                b'{"a":' * 50000,
            ):
                answer = self.post(address, path, body)
                self.assertIn(answer.status, (400, 501), '%s %r' % (path, body[:40]))
                self.assertTrue(answer.body, 'says what is wrong with %r' % body[:40])

    def test_malformed_protobuf_is_400(self):
        dice = random.Random(1)
        bodies = [
            b'',
            b'\xff' * 10,
            b'\x08',
            b'\x0a\xff\xff\xff\xff\x0f',
            b'\x0a\x80\x80\x80\x80\x08',
        ]
        bodies += [dice.randbytes(dice.randrange(1, 200)) for _ in range(100)]
        for address, path in self.endpoints():
            for body in bodies:
                answer = self.post(address, path, body, PROTOBUF)
                self.assertIn(answer.status, (400, 501), '%s %r' % (path, body))

    def test_cut_off_calls_are_400(self):
        whole = client.encode(
            'protobuf', 'scheduler.Call', client.Framework(self.master).subscribe_call()
        )
        for cut in range(1, len(whole) - 1):
            self.assertEqual(
                self.post(self.master, SCHEDULER, whole[:cut], PROTOBUF).status, 400, cut
            )

    def test_recordio_is_no_call(self):
        record = b'%d\n%s' % (2, b'{}')
        for body in (record, b'999999999999999999999\n', b'-1\nx', b'x\n'):
            for address, path in (
                (self.master, SCHEDULER),
                (self.master, OPERATOR),
                (self.agent, EXECUTOR),
            ):
                self.assertEqual(
                    self.post(address, path, body, 'application/recordio').status, 415, path
                )
                self.assertEqual(self.post(address, path, body, JSON).status, 400, path)

    def test_media_types(self):
        call = json.dumps(client.Framework(self.master).subscribe_call()).encode()
        self.assertEqual(self.post(self.master, SCHEDULER, call, 'text/plain').status, 415)
        self.assertEqual(self.post(self.master, SCHEDULER, call, None).status, 400)
        self.assertEqual(self.post(self.master, SCHEDULER, call, Accept='text/html').status, 406)

    def test_not_http_is_400(self):
        for data in (
            b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + b'x' * 100,
            b'GET\r\n\r\n',
            b'\0' * 64 + b'\r\n\r\n',
            b'GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n',
            b'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
        ):
            for address in (self.master, self.agent):
                connection = wire.Connection(address)
                connection.send(data)
                self.assertEqual(connection.read_head().status, 400, data[:30])
                connection.close()

    def test_large_headers_are_431(self):
        answer = wire.request(self.master, 'GET', '/health', {'X-Large': 'x' * 100000})
        self.assertEqual(answer.status, 431)

    def test_large_bodies_are_413(self):
        for address, path in self.endpoints():
            for size in (BODY_LIMIT + 1, 1 << 40):
                connection = wire.Connection(address)
                connection.send(
                    wire.build_request(
                        address, 'POST', path, {'Content-Type': JSON, 'Content-Length': str(size)}
                    )
                )
                self.assertEqual(connection.read_head().status, 413, path)
                connection.close()

    def test_large_chunked_body_is_413(self):
        connection = wire.Connection(self.master, timeout=30)
        connection.send(
            wire.build_request(
                self.master,
                'POST',
                SCHEDULER,
                {'Content-Type': JSON, 'Transfer-Encoding': 'chunked'},
            )
        )
        piece = b'%x\r\n%s\r\n' % (1 << 20, b' ' * (1 << 20))
        try:
            for _ in range(BODY_LIMIT // (1 << 20) + 1):
                connection.send(piece)
        except OSError:
            pass  # it has been refused before all was sent
        self.assertEqual(connection.read_head().status, 413)
        connection.close()

    def test_stream_ids(self):
        framework = client.Framework(self.master).subscribe()
        self.addCleanup(framework.teardown)
        revive = json.dumps({'type': 'REVIVE', 'framework_id': {'value': framework.id}}).encode()
        for stream in (None, '', 'x', self.framework.stream_id):
            self.assertEqual(
                self.post(self.master, SCHEDULER, revive, Mesos_Stream_Id=stream).status,
                400,
                stream,
            )
        subscribe = json.dumps(framework.subscribe_call()).encode()
        answer = self.post(self.master, SCHEDULER, subscribe, Mesos_Stream_Id=framework.stream_id)
        self.assertEqual(answer.status, 400)
        self.assertEqual(framework.call('REVIVE').status, 202)

    def test_unknown_framework(self):
        for name in ('no-such', '', 'x' * 10000, '../../etc', '\u0000'):
            call = {'type': 'REVIVE', 'framework_id': {'value': name}}
            answer = self.post(
                self.master, SCHEDULER, json.dumps(call).encode(), Mesos_Stream_Id='x'
            )
            self.assertEqual(answer.status, 400, name[:20])
        call = {
            'type': 'SUBSCRIBE',
            'framework_id': {'value': 'f'},
            'executor_id': {'value': 'e'},
            'subscribe': {},
        }
        self.assertEqual(self.post(self.agent, EXECUTOR, json.dumps(call).encode()).status, 400)

    def test_torn_down_framework(self):
        framework = client.Framework(self.master).subscribe()
        framework.teardown()
        message = client.Framework(self.master, fid=framework.id).subscribe_error()
        self.assertIn('removed', message)


class Clients(OneCluster):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.endless = [cls.never_done(address) for address in (cls.master, cls.agent)]

    @staticmethod
    def never_done(address):
        """A client that sends a byte now and then and never ends its request."""
        outcome = {}

        def trickle():
            connection, begin = wire.Connection(address, timeout=1), time.monotonic()
            connection.send(b'GET /health HTTP/1.1\r\nX-Slow: ')
            while 'seconds' not in outcome and time.monotonic() < begin + READ_LIMIT + 30:
                try:
                    connection.send(b'x')
                    connection.fill()  # waits a second for an answer
                except socket.timeout:
                    continue
                except (OSError, EOFError):
                    outcome['seconds'] = time.monotonic() - begin

        thread = threading.Thread(target=trickle, daemon=True)
        thread.start()
        return thread, outcome

    def test_slow_but_whole_request_is_served(self):
        for address in (self.master, self.agent):
            connection = wire.Connection(address)
            for byte in wire.build_request(address, 'GET', '/health', {}):
                connection.send(bytes([byte]))
                time.sleep(0.01)
            self.assertEqual(connection.read_head().status, 200)
            connection.close()

    def test_zz_request_that_never_ends_is_closed(self):  # last: its clients began with the class
        for thread, outcome in self.endless:
            thread.join(READ_LIMIT + 40)
            self.assertIn('seconds', outcome, 'the connection was closed')
            self.assertLess(outcome['seconds'], READ_LIMIT + 10)

    def test_client_that_says_nothing(self):
        silent = [wire.Connection(self.master) for _ in range(200)]
        self.assertTrue(healthy(self.master))
        for connection in silent:
            connection.close()

    def test_half_open_stream_loses_nothing(self):
        """A peer that stops sending still gets events, and its end is seen when it closes."""
        framework = client.Framework(self.master, failover_timeout=0.0).subscribe()
        task = client.task()
        framework.stream.connection.sock.shutdown(socket.SHUT_WR)
        closed = framework.stream.wait_closed(1)
        if not closed:  # a server may also end a stream whose peer has half closed it
            framework.run(task)
        framework.disconnect()
        wait_until(
            'the framework is gone',
            lambda: not any(f['id'] == framework.id for f in self.state()['frameworks']),
        )

    def test_reset_stream_is_seen(self):
        framework = client.Framework(self.master, failover_timeout=1000.0).subscribe()
        self.addCleanup(framework.teardown)
        sock = framework.stream.connection.sock
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        framework.disconnect()
        wait_until(
            'the framework is disconnected',
            lambda: any(
                f['id'] == framework.id and not f['connected'] for f in self.state()['frameworks']
            ),
        )
        framework.subscribe()

    def test_client_that_does_not_read(self):
        connection = wire.Connection(self.master)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = wire.build_request(self.master, 'GET', '/state', {})
        connection.sock.settimeout(0.2)
        try:
            while True:
                connection.send(request * 50)
        except socket.timeout:
            pass  # it is not read any more, and costs nothing more
        self.assertTrue(healthy(self.master))
        connection.close()

    def state(self):
        return json.loads(wire.request(self.master, 'GET', '/state').body)


class Tasks(OneCluster):
    def error_of(self, task, state='TASK_ERROR', **extra):
        framework = client.Framework(self.master).subscribe()
        framework.launch(task)
        status = framework.update(task, state)
        self.assertTrue(status.get('message'), 'says why')
        framework.teardown()
        return status

    def test_impossible_tasks_are_errors(self):
        for what, task in {
            'more than is offered': client.task(cpus=1000),
            'negative': client.task(cpus=-1),
            'nothing to run': client.task(command=None),
            'bad id': client.task(task_id={'value': 'a/../b'}),
            'dots for an id': client.task(task_id={'value': '..'}),
            'unknown agent': client.task(agent_id={'value': 'no-such'}),
            'two at once': client.task(executor=client.custom_executor()),
            'unknown resource': client.task(resources=[client.scalar('unobtainium', 1.0)]),
        }.items():
            with self.subTest(what):
                self.assertEqual(self.error_of(task)['reason'], 'REASON_TASK_INVALID')

    def test_duplicate_task_id(self):
        framework = client.Framework(self.master).subscribe()
        self.addCleanup(framework.teardown)
        task = client.task(cpus=0.1)
        framework.run(task)
        again = client.task(name='again', task_id=task['task_id'], cpus=0.1)
        framework.launch(again)
        status = framework.update(task, 'TASK_ERROR')
        self.assertIn('uplicate', status['message'])
        framework.call('RECONCILE', tasks=[{'task_id': task['task_id']}])
        framework.update(task, 'TASK_RUNNING', 'REASON_RECONCILIATION')

    def test_duplicate_task_ids_in_one_launch(self):
        framework = client.Framework(self.master).subscribe()
        self.addCleanup(framework.teardown)
        one = client.task()
        framework.launch(one, client.task(task_id=one['task_id']))
        framework.update(one, 'TASK_ERROR')
        framework.call('RECONCILE', tasks=[{'task_id': one['task_id']}])
        wait_until('one of the two runs', lambda: 'TASK_RUNNING' in framework.states(one))

    def test_unknown_offer(self):
        framework = client.Framework(self.master).subscribe()
        self.addCleanup(framework.teardown)
        task = client.task()
        task['agent_id'] = framework.offer()['agent_id']
        framework.accept(
            {'id': {'value': 'no-such'}}, [{'type': 'LAUNCH', 'launch': {'task_infos': [task]}}]
        )
        self.assertEqual(framework.update(task, 'TASK_LOST')['reason'], 'REASON_INVALID_OFFERS')

    def test_programs_that_cannot_run(self):
        for command in (
            {'shell': False, 'value': '/no/such/program'},
            {'shell': False, 'value': '/etc/passwd'},
        ):
            self.error_of(client.task(command=command), 'TASK_FAILED')

    def test_executor_that_dies_at_once(self):
        task = client.task(command=None, executor=client.custom_executor('exit 7'))
        self.error_of(task, 'TASK_FAILED')

    def test_executor_that_never_subscribes(self):
        task = client.task(command=None, executor=client.custom_executor('exec sleep 1000'))
        status = self.error_of(task, 'TASK_FAILED')
        self.assertEqual(status['reason'], 'REASON_EXECUTOR_REGISTRATION_TIMEOUT')

    def test_executor_that_is_killed(self):
        framework = client.Framework(self.master).subscribe()
        self.addCleanup(framework.teardown)
        pid_file = workspace.path('executor.pid')
        info = client.custom_executor('echo $$ >%s; exec sleep 1000' % pid_file)
        task = client.task(command=None, executor=info)
        framework.launch(task)
        executor = client.Executor(
            self.agent, framework.id, info['executor_id']['value']
        ).subscribe()
        executor.take('LAUNCH')
        executor.update(task['task_id']['value'], 'TASK_RUNNING')
        framework.update(task, 'TASK_RUNNING')

        def pid():  # the executor that subscribed above is not the process, which may be slower
            with open(pid_file) as f:
                return int(f.read() or 0)

        os.kill(
            wait_until('the pid of the executor', lambda: os.path.exists(pid_file) and pid()),
            signal.SIGKILL,
        )
        status = framework.update(task, 'TASK_FAILED')
        self.assertEqual(status['reason'], 'REASON_EXECUTOR_TERMINATED')
        executor.close()


class Files(unittest.TestCase):
    """Damaged files, full disks, taken ports."""

    def setUp(self):
        self.cluster = workspace.cluster()
        self.framework = client.Framework(
            self.cluster.master_addr, checkpoint=True, failover_timeout=1000.0
        )
        self.framework.subscribe()
        self.addCleanup(self.cluster.stop)

    def damage(self, process, directory):
        """Stops the process and overwrites its stores; returns their names."""
        process.stop()
        stores = glob.glob(os.path.join(directory, '**', '*.db'), recursive=True)
        self.assertTrue(stores, 'something is kept below ' + directory)
        for store in stores:
            for rest in glob.glob(store + '-*'):
                os.remove(rest)
            with open(store, 'r+b') as f:
                f.write(random.Random(1).randbytes(max(4096, os.path.getsize(store))))
        return stores

    def refuses(self, process, stores):
        self.assertEqual(wait_exit(process), 1)
        said = process.tail(20)
        self.assertTrue(any(store in said for store in stores), 'names the file: ' + said)

    def test_garbage_in_the_registry(self):
        stores = self.damage(self.cluster.master, os.path.join(self.cluster.root, 'master'))
        process = cluster.Process(
            workspace.launcher,
            workspace.master,
            self.cluster.master_flags,
            os.path.join(self.cluster.root, 'again.log'),
            self.cluster.master_addr,
        ).start()
        self.refuses(process, stores)

    def test_garbage_in_the_checkpoints(self):
        task = client.task()
        self.framework.run(task)
        stores = self.damage(self.cluster.agents[0], self.cluster.all_agent_flags[0]['work_dir'])
        self.refuses(self.cluster.start_agent(0), stores)
        self.assertTrue(healthy(self.cluster.master_addr))

    def test_cut_off_checkpoints(self):
        self.framework.run(client.task())
        agent = self.cluster.agents[0]
        agent.stop()
        stores = glob.glob(
            os.path.join(self.cluster.all_agent_flags[0]['work_dir'], '**', '*.db'), recursive=True
        )
        for store in stores:
            for rest in glob.glob(store + '-*'):
                os.remove(rest)
            os.truncate(store, os.path.getsize(store) // 2)
        again = self.cluster.start_agent(0)
        wait_until('it ends or serves', lambda: not again.alive() or healthy(again.addr))
        if not again.alive():
            self.refuses(again, stores)

    def test_dead_launcher(self):
        self.kill_agent_and_launcher(lambda runtime: None)

    def test_garbage_in_the_launchers_memory(self):
        def overwrite(runtime):
            with open(os.path.join(runtime, 'launcher', 'containers'), 'wb') as f:
                f.write(b'garbage' * 100)

        self.kill_agent_and_launcher(overwrite)

    def kill_agent_and_launcher(self, meanwhile):
        """Both are killed; the task runs on, is known, and can be killed."""
        pid_file = workspace.path('witness.pid')
        task = client.task('echo $$ >%s; exec sleep 1000' % pid_file)
        self.framework.run(task)

        def pid():
            with open(pid_file) as f:
                return int(f.read() or 0)

        number = wait_until('the pid of the task', lambda: os.path.exists(pid_file) and pid())
        self.cluster.agents[0].stop()
        runtime = self.cluster.all_agent_flags[0]['runtime_dir']
        os.kill(process_with(b'--socket=' + runtime.encode()), signal.SIGKILL)
        meanwhile(runtime)
        agent = self.cluster.start_agent(0)
        wait_until('the agent serves', lambda: healthy(agent.addr))
        self.cluster.wait_agents(1)
        self.framework.call('RECONCILE', tasks=[{'task_id': task['task_id']}])
        wait_until(
            'the task is known to run',
            lambda: self.framework.states(task).count('TASK_RUNNING') > 1,
        )
        self.assertTrue(started_at(number))
        self.framework.call('KILL', task_id=task['task_id'])
        wait_until(
            'the task is killed', lambda: 'TASK_KILLED' in self.framework.states(task)
        )
        self.assertFalse(started_at(number))

    def test_questions_that_a_stopped_launcher_answers_late(self):
        """A bounded number of them wait; those beyond are told to try again."""
        self.framework.run(client.task())
        agent = self.cluster.agents[0].addr
        runtime = self.cluster.all_agent_flags[0]['runtime_dir']
        launcher = process_with(b'--socket=' + runtime.encode())
        host, port = agent.split(':')
        os.kill(launcher, signal.SIGSTOP)
        try:
            clients = [socket.create_connection((host, int(port)), 30) for _ in range(300)]
            for each in clients:
                each.sendall(b'GET /monitor/statistics HTTP/1.1\r\nHost: a\r\n\r\n')
            status = [int(each.recv(12).split()[1]) for each in clients]
        finally:
            os.kill(launcher, signal.SIGCONT)
        for each in clients:
            each.close()
        self.assertEqual(status.count(200), QUESTIONS_LIMIT)
        self.assertEqual(status.count(503), len(clients) - QUESTIONS_LIMIT)
        self.assertTrue(healthy(agent))

    def test_a_window_of_a_file_is_bounded(self):
        task = client.task('head -c 200000 /dev/zero | tr "\\0" x; exec sleep 1000')
        self.framework.run(task)
        agent = self.cluster.agents[0].addr
        pattern = self.cluster.all_agent_flags[0]['work_dir'] + '/slaves/*/frameworks/*/executors/'
        name = task['task_id']['value']

        def written():
            found = glob.glob(pattern + name + '/runs/latest/stdout')
            return found and os.path.getsize(found[0]) >= 200000 and found[0]

        path = wait_until('the output is written', written)
        for asked in ('', '&length=150000'):
            answer = wire.request(agent, 'GET', '/files/read?offset=0%s&path=%s' % (asked, path))
            self.assertEqual(answer.status, 200)
            self.assertEqual(len(json.loads(answer.body)['data']), READ_WINDOW)

    def test_port_in_use(self):
        flags = self.cluster.master_flags
        other = dict(flags, work_dir=os.path.join(self.cluster.root, 'other'))
        agent = dict(self.cluster.all_agent_flags[0], work_dir=other['work_dir'], runtime_dir=None)
        for command, given in ((workspace.master, other), (workspace.agent, agent)):
            done = subprocess.run(
                [command] + cluster.render(given), capture_output=True, text=True, timeout=20
            )
            self.assertEqual(done.returncode, 1)
            self.assertIn(str(given['port']), done.stderr)
            self.assertIn('another process listens there', done.stderr)
        self.assertTrue(healthy(self.cluster.master_addr))

    def test_work_dir_in_use(self):
        """A second master or agent on the same directory would write over the first."""
        agent = self.cluster.all_agent_flags[0]
        for command, given in (
            (workspace.master, self.cluster.master_flags),
            (workspace.agent, agent),
        ):
            given = dict(given, port=workspace.launcher.port())
            done = subprocess.run(
                [command] + cluster.render(given), capture_output=True, text=True, timeout=20
            )
            self.assertEqual(done.returncode, 1)
            self.assertIn(given['work_dir'], done.stderr)

    def test_wrong_flags(self):
        for command, words in (
            (workspace.master, ['--no_such_flag=1']),
            (workspace.master, ['--port=x']),
            (workspace.master, []),
            (workspace.agent, ['--work_dir=/tmp/x']),
            (workspace.agent, ['--master=127.0.0.1:1', '--work_dir=/tmp/x', '--resources=cpus:x']),
        ):
            done = subprocess.run([command] + words, capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 1, words)
            self.assertTrue(done.stderr.strip(), words)


class FullDisk(unittest.TestCase):
    """The directories lie on a small disk that is filled while a task runs."""

    def setUp(self):
        self.disk = workspace.path('disk')
        os.mkdir(self.disk)
        self.addCleanup(os.rmdir, self.disk)
        made = subprocess.run(
            ['mount', '-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', self.disk],
            capture_output=True,
            text=True,
        )
        self.assertEqual(
            made.returncode,
            0,
            'this test mounts a small tmpfs and must run as root: ' + made.stderr,
        )
        self.addCleanup(subprocess.run, ['umount', '-l', self.disk], check=True)

    def fill(self):
        try:
            with open(os.path.join(self.disk, 'filler'), 'wb', buffering=0) as f:
                while True:
                    f.write(b'x' * 4096)
        except OSError:
            pass

    def empty(self):
        os.remove(os.path.join(self.disk, 'filler'))

    def test_agent(self):
        one = workspace.cluster(agent_flags={'work_dir': os.path.join(self.disk, 'agent')})
        self.addCleanup(one.stop)
        framework = client.Framework(
            one.master_addr, checkpoint=True, failover_timeout=1000.0
        ).subscribe()
        witness, late = client.task(), client.task()
        framework.run(witness)
        self.fill()
        framework.launch(late)
        wait_until(
            'the agent refuses the task or ends',
            lambda: not one.agents[0].alive()
            or any(
                state in framework.states(late)
                for state in ('TASK_FAILED', 'TASK_LOST', 'TASK_DROPPED', 'TASK_RUNNING')
            ),
        )
        if not one.agents[0].alive():
            self.assertEqual(one.agents[0].popen.returncode, 1)
            self.assertIn(os.path.join(self.disk, 'agent'), one.agents[0].tail(20))
        self.assertTrue(healthy(one.master_addr))
        self.empty()
        if not one.agents[0].alive():
            one.start_agent(0)
        one.wait_agents(1)
        framework.call('RECONCILE', tasks=[{'task_id': witness['task_id']}])
        framework.update(witness, 'TASK_RUNNING', 'REASON_RECONCILIATION')
        framework.return_offers()  # some are of before
        framework.run(client.task())

    def test_master(self):
        one = workspace.cluster({'work_dir': os.path.join(self.disk, 'master')})
        self.addCleanup(one.stop)
        framework = client.Framework(
            one.master_addr, checkpoint=True, failover_timeout=1000.0
        ).subscribe()
        witness = client.task()
        framework.run(witness)
        self.fill()
        one.add_agent()  # needs a new record in the registry
        admitted = wire.wait_until(lambda: not one.master.alive() or len(one.slaves()) == 2, 3)
        if one.master.alive():
            self.assertFalse(admitted, 'nothing is admitted that could not be written')
            self.assertTrue(healthy(one.master_addr))
        self.empty()
        if not one.master.alive():
            self.assertEqual(one.master.popen.returncode, 1)
            self.assertIn(os.path.join(self.disk, 'master'), one.master.tail(20))
            one.start_master()
        one.wait_agents(2)
        if framework.stream.wait_closed(0.5):
            framework.subscribe()
        framework.call('RECONCILE', tasks=[{'task_id': witness['task_id']}])
        framework.update(witness, 'TASK_RUNNING', 'REASON_RECONCILIATION')


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], 24300))
