#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""URIs of tasks, from a web server that does what servers do, and sandboxes after their tasks.

After each task that could not be fetched the agent still serves.
"""

import glob
import io
import json
import os
import signal
import socketserver
import sys
import tarfile
import threading
import time
import unittest
import zipfile
from http.server import BaseHTTPRequestHandler

from cluster_fixture import (
    client,
    healthy,
    process_with,
    run_tests,
    started_at,
    wait_until,
    wire,
)

workspace = None


class WebServer(socketserver.ThreadingTCPServer):
    """Files by path; a path of `slow` is held until the test lets it go."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        self.files, self.counts = {}, {}
        self.lock = threading.Lock()
        self.held = threading.Event()  # somebody waits at /slow/...
        self.let_go = threading.Event()
        super().__init__(('127.0.0.1', 0), Handler)
        self.url = 'http://127.0.0.1:%d' % self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        with server.lock:
            server.counts[self.path] = server.counts.get(self.path, 0) + 1
        try:
            self.answer(server)
        except OSError:
            pass  # the fetcher has gone

    def answer(self, server):
        if self.path.startswith('/redirect/'):
            self.send_response(302)
            self.send_header('Location', self.path[len('/redirect') :])
            return self.end_headers()
        if self.path == '/out':
            self.send_response(302)
            self.send_header('Location', 'file:///etc/passwd')
            return self.end_headers()
        if self.path.startswith('/endless'):
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(bytes(1 << 20))
        if self.path.startswith(('/slow/', '/silent/')):
            self.send_response(200)
            self.send_header('Content-Length', '4')
            self.end_headers()
            self.wfile.write(b'sl')
            self.wfile.flush()
            server.held.set()
            server.let_go.wait(120 if self.path.startswith('/slow/') else 20)
            return self.wfile.write(b'ow')
        body = server.files.get(self.path)
        self.send_response(200 if body is not None else 404)
        self.send_header('Content-Length', str(len(body or b'')))
        self.end_headers()
        self.wfile.write(body or b'')


def tar(*entries, mode='w:gz'):
    """entries: (name, type, content or target, mode)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, kind, content, bits in entries:
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, bits
            if kind == tarfile.REGTYPE:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                info.linkname = content.decode()
                archive.addfile(info)
    return buffer.getvalue()


class Case(unittest.TestCase):
    agent_flags = {}

    @classmethod
    def setUpClass(cls):
        flags = {
            'fetcher_stall_timeout': '3secs',
            'fetcher_cache_size': '1MB',
            'fetcher_bytes_max': '8MB',
            'fetcher_extracted_bytes_max': '32MB',
        }
        flags.update(cls.agent_flags)
        cls.cluster = workspace.cluster(agent_flags=flags)
        cls.web = WebServer()

    @classmethod
    def tearDownClass(cls):
        cls.web.let_go.set()
        cls.web.shutdown()
        cls.web.server_close()
        cls.cluster.stop()

    def setUp(self):
        self.web.held.clear()
        self.web.let_go.clear()
        self.framework = client.Framework(
            self.cluster.master_addr, checkpoint=True, failover_timeout=1000.0
        ).subscribe()

    def tearDown(self):
        self.framework.teardown()
        self.assertTrue(healthy(self.cluster.agent_addr), 'the agent serves on')

    def task(self, uris, command='true', **uri_fields):
        uris = [dict(value=u, **uri_fields) if isinstance(u, str) else u for u in uris]
        return client.task(command={'value': command, 'shell': True, 'uris': uris})

    def succeeds(self, uris, command, **uri_fields):
        task = self.task(uris, command, **uri_fields)
        self.framework.run(task, 'TASK_FINISHED')
        return task

    def fails(self, uris, *said, timeout=30, **uri_fields):
        task = self.task(uris, **uri_fields)
        self.framework.launch(task)
        status = self.framework.update(task, 'TASK_FAILED', timeout=timeout)
        self.assertEqual(status['reason'], 'REASON_CONTAINER_LAUNCH_FAILED')
        self.assertEqual(status['source'], 'SOURCE_AGENT')
        for words in ('fetch',) + said:
            self.assertIn(words, status['message'])
        with open(os.path.join(self.sandbox(task), 'stderr')) as f:
            self.assertIn(said[0], f.read())
        self.assertEqual(sorted(os.listdir(self.sandbox(task))), ['stderr', 'stdout'])
        return status

    def sandbox(self, task):
        found = glob.glob(
            os.path.join(
                self.cluster.root, 'agent0/slaves/*/frameworks', self.framework.id, 'executors',
                task['task_id']['value'], 'runs/latest',
            )
        )
        self.assertEqual(len(found), 1)
        return os.path.realpath(found[0])

    def metric(self, name):
        answer = wire.request(self.cluster.agent_addr, 'GET', '/metrics/snapshot')
        return json.loads(answer.body)[name]

    def fetcher(self, task):
        """The pid of the process that fetches for a task."""

        def find():
            for entry in filter(str.isdigit, os.listdir('/proc')):
                try:
                    with open('/proc/%s/cmdline' % entry, 'rb') as f:
                        words = f.read().split(b'\0')
                    with open('/proc/%s/stat' % entry) as f:
                        parent = int(f.read().rpartition(')')[2].split()[1])
                    if words[0] == b'mesolith-fetcher' and parent == self.cluster.agents[0].pid:
                        return int(entry)
                except OSError:
                    pass
            return None

        return wait_until('a fetcher for %s' % task['task_id']['value'], find)


class Servers(Case):
    def test_success(self):
        self.web.files['/a/file.txt'] = b'web'
        self.web.files['/a.tar.gz'] = tar(
            ('dir/inside', tarfile.REGTYPE, b'in', 0o755),
            ('link', tarfile.SYMTYPE, b'dir/inside', 0),
        )
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, 'w') as archive:
            archive.writestr('zipped', 'zip')
        self.web.files['/b.zip'] = buffer.getvalue()
        self.succeeds(
            [self.web.url + p for p in ('/redirect/a/file.txt', '/a.tar.gz', '/b.zip')],
            'test "$(cat file.txt link zipped)" = "webinzip" && test -x dir/inside',
        )
        self.assertGreaterEqual(self.metric('containerizer/fetcher/task_fetches_succeeded'), 1)

    def test_user(self):
        if os.geteuid() != 0:
            self.skipTest('needs root')
        self.web.files['/owned'] = b'x'
        task = self.task([self.web.url + '/owned'], 'test -O owned && test -O .')
        task['command']['user'] = 'nobody'
        self.framework.run(task, 'TASK_FINISHED')

    def test_unknown_user(self):
        task = self.task([self.web.url + '/owned'])
        task['command']['user'] = 'nobody-of-that-name'
        self.framework.launch(task)
        status = self.framework.update(task, 'TASK_LOST')
        self.assertEqual(status['reason'], 'REASON_EXECUTOR_TERMINATED')

    def test_not_found(self):
        before = self.metric('containerizer/fetcher/task_fetches_failed')
        self.fails([self.web.url + '/nothing'], self.web.url + '/nothing', '404')
        self.assertEqual(self.metric('containerizer/fetcher/task_fetches_failed'), before + 1)

    def test_connection_refused(self):
        self.fails(['http://127.0.0.1:1/x'], 'http://127.0.0.1:1/x', 'refused')

    def test_unknown_host(self):
        self.fails(['http://no-such-host.invalid/x'], 'no-such-host.invalid', 'resolve')

    def test_silent_server(self):
        self.fails([self.web.url + '/silent/x'], '/silent/x', 'too slow')

    def test_endless_body(self):
        self.fails([self.web.url + '/endless'], '/endless', 'more than 8388608 bytes to fetch')

    def test_redirection_to_a_file(self):
        self.fails([self.web.url + '/out'], '/out')

    def test_cut_short(self):
        self.web.let_go.set()  # the silent one then ends early: more was announced
        self.web.files['/short.tar.gz'] = tar(('f', tarfile.REGTYPE, b'x' * 100000, 0o644))[:60]
        self.fails([self.web.url + '/short.tar.gz'], 'short.tar.gz', 'archive cannot be read')

    def test_secrets_are_not_told(self):
        url = self.web.url.replace('http://', 'http://user:secret@') + '/nothing'
        status = self.fails([url], '404')
        self.assertNotIn('secret', status['message'])

    def test_bad_uris(self):
        for uri, said in (
            ('hdfs://host/file', 'hdfs'),
            ('relative/file', '--frameworks_home'),
            ("http://host/it's", 'illegal'),
            (self.web.url, 'no path'),
        ):
            with self.subTest(uri):
                self.fails([uri], uri, said)
        for name in ('/etc/x', '../x', 'a/../../x'):
            with self.subTest(name):
                self.fails([self.web.url + '/x'], 'output_file', name, output_file=name)

    def test_kill_stops_the_fetch(self):
        task = self.task([self.web.url + '/slow/x'])
        self.framework.launch(task)
        self.assertTrue(self.web.held.wait(20))
        pid = self.fetcher(task)
        start = started_at(pid)
        self.framework.kill(task)
        status = self.framework.update(task, 'TASK_KILLED')
        self.assertEqual(status['reason'], 'REASON_TASK_KILLED_DURING_LAUNCH')
        self.assertNotEqual(started_at(pid), start, 'the fetcher has ended')

    def test_agent_killed_meanwhile(self):
        task = self.task([self.web.url + '/slow/x'])
        self.framework.launch(task)
        self.assertTrue(self.web.held.wait(20))
        pid = self.fetcher(task)
        start = started_at(pid)
        self.cluster.agents[0].send(signal.SIGKILL)
        wait_until('the fetcher ends with its agent', lambda: started_at(pid) != start)
        self.cluster.agents[0].stop()
        self.cluster.start_agent()
        status = self.framework.update(task, 'TASK_FAILED', timeout=40)
        self.assertIn('restarted', status['message'])
        self.cluster.wait_agents(1)
        self.web.files['/after'] = b'x'
        self.framework.teardown()  # it has offers of the agent before
        self.framework = client.Framework(self.cluster.master_addr).subscribe()
        self.succeeds([self.web.url + '/after'], 'test -e after')

    def test_executor(self):
        executor = client.custom_executor()
        executor['command']['uris'] = [{'value': self.web.url + '/none'}]
        task = client.task(executor=executor)
        task.pop('command', None)
        self.framework.launch(task)
        status = self.framework.update(task, 'TASK_FAILED')
        self.assertEqual(status['reason'], 'REASON_CONTAINER_LAUNCH_FAILED')
        self.assertIn('/none', status['message'])


class Archives(Case):
    def refused(self, content, *said, name='bad.tar.gz'):
        self.web.files['/' + name] = content
        self.fails([self.web.url + '/' + name], name, *said)

    def test_bad_entries(self):
        regular, link, hard = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
        for entries, said in (
            ([('../out', regular, b'x', 0o644)], "'../out'"),
            ([('/tmp/mesolith-out', regular, b'x', 0o644)], "'/tmp/mesolith-out'"),
            ([('l', link, b'/etc', 0)], "'l'"),
            ([('l', link, b'..', 0), ('l/x', regular, b'x', 0o644)], "'l'"),
            ([('d/l', link, b'../../x', 0)], "'d/l'"),
            ([('h', hard, b'/etc/passwd', 0)], "'h'"),
            ([('h', hard, b'../stdout', 0)], "'h'"),
            ([('suid', regular, b'x', 0o4755)], "'suid'"),
            ([('device', tarfile.CHRTYPE, b'', 0o666)], "'device'"),
            ([('fifo', tarfile.FIFOTYPE, b'', 0o666)], "'fifo'"),
            ([('good', regular, b'x', 0o644), ('a/../../b', regular, b'x', 0o644)], 'a/../../b'),
        ):
            with self.subTest(said):
                self.refused(tar(*entries), said)
        self.assertFalse(os.path.exists('/tmp/mesolith-out'))

    def test_no_archives(self):
        self.refused(b'', 'archive cannot be read', name='empty.tar.gz')
        self.refused(b'nothing' * 1000, 'archive cannot be read', name='text.zip')
        self.refused(os.urandom(5000), 'archive cannot be read', name='random.tar.xz')
        self.refused(b'plain', 'archive cannot be read', name='plain.gz')
        whole = tar(('f', tarfile.REGTYPE, os.urandom(100000), 0o644))
        self.refused(whole[: len(whole) // 2], 'archive', name='half.tgz')

    def test_bomb(self):
        zeros = tar(('zeros', tarfile.REGTYPE, bytes(64 << 20), 0o644))
        self.assertLess(len(zeros), 1 << 20)
        self.refused(zeros, "'zeros'", 'more than 33554432 bytes to extract')


class Cache(Case):
    def test_two_tasks_one_download(self):
        url = self.web.url + '/slow/shared'
        tasks = [self.task([url], 'test "$(cat shared)" = slow', cache=True) for _ in range(2)]
        self.framework.launch(*tasks)
        self.assertTrue(self.web.held.wait(20))
        self.web.let_go.set()
        for task in tasks:
            self.framework.update(task, 'TASK_FINISHED')
        self.succeeds([url], 'test "$(cat shared)" = slow', cache=True)
        self.assertEqual(self.web.counts['/slow/shared'], 1)
        self.assertGreaterEqual(self.metric('containerizer/fetcher/cache_size_used_bytes'), 4)
        self.assertEqual(self.metric('containerizer/fetcher/cache_size_total_bytes'), 1 << 20)

    def test_eviction_and_what_does_not_fit(self):
        for name in ('/one', '/two', '/three'):
            self.web.files[name] = bytes(400_000)
            self.succeeds([self.web.url + name], 'true', cache=True)
        used = self.metric('containerizer/fetcher/cache_size_used_bytes')
        self.assertLessEqual(used, 1 << 20)
        self.succeeds([self.web.url + '/one'], 'true', cache=True)  # it had to go
        self.assertEqual(self.web.counts['/one'], 2)
        self.web.files['/large'] = bytes(3_000_000)
        self.succeeds(
            [self.web.url + '/large'], 'test $(wc -c < large) = 3000000', cache=True
        )

    def test_damaged_entries(self):
        self.web.files['/precious'] = b'whole'
        self.succeeds([self.web.url + '/precious'], 'grep whole precious', cache=True)
        before = self.web.counts['/precious']
        directory = glob.glob(os.path.join(self.cluster.root, 'agent0-fetch', '*'))[0]
        for name in os.listdir(directory):
            with open(os.path.join(directory, name), 'wb') as f:
                f.write(b'wrong')
        self.succeeds([self.web.url + '/precious'], 'grep whole precious', cache=True)
        for name in os.listdir(directory):
            os.unlink(os.path.join(directory, name))
        self.succeeds([self.web.url + '/precious'], 'grep whole precious', cache=True)
        self.assertEqual(self.web.counts['/precious'], before + 2)


class Garbage(Case):
    agent_flags = {'gc_delay': '3secs', 'disk_watch_interval': '1secs', 'gc_disk_headroom': '0.0'}

    def test_sandboxes_go_after_their_tasks(self):
        living = client.task()
        self.framework.run(living)
        task = client.task('true')
        self.framework.run(task, 'TASK_FINISHED')
        kept, gone = self.sandbox(living), self.sandbox(task)
        executor = os.path.dirname(os.path.dirname(gone))
        wait_until('the sandbox goes', lambda: not os.path.exists(gone))
        wait_until('and the directory of its executor', lambda: not os.path.exists(executor))
        wait_until('it is counted', lambda: self.metric('gc/path_removals_succeeded') >= 1)
        self.assertEqual(self.metric('gc/path_removals_failed'), 0)
        self.assertTrue(os.path.exists(os.path.join(kept, 'stdout')))

        # What an earlier life of the agent has left goes too; what runs on stays.
        task = client.task('true')
        self.framework.run(task, 'TASK_FINISHED')
        gone = self.sandbox(task)
        self.cluster.agents[0].stop(signal.SIGKILL)
        self.cluster.start_agent()
        self.cluster.wait_agents(1)
        wait_until('the sandbox goes after a restart', lambda: not os.path.exists(gone))
        time_limit = time.monotonic() + 5  # longer than gc_delay
        while time.monotonic() < time_limit:
            self.assertTrue(os.path.exists(os.path.join(kept, 'stdout')))
            time.sleep(0.1)
        self.framework.kill(living)
        self.framework.update(living, 'TASK_KILLED')
        wait_until('the last sandbox goes', lambda: not os.path.exists(kept))


if __name__ == '__main__':
    sys.exit(run_tests(sys.modules[__name__], 24500))
