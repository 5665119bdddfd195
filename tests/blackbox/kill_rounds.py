#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the master or of an agent, round after round, while 200 tasks run.

After each restart the same task processes run on, the tasks that ended around the kill are reported
exactly once, and nothing else is reported.
"""

import os
import queue
import random
import sys
import threading
import time

from cluster_fixture import Workspace, argument_parser, client, started_at, wait_until

TASKS = 200
AGENTS = 2
MASTER_FLAGS = {'agent_ping_timeout': '2secs', 'max_agent_ping_timeouts': 10}
# An agent that is back before the framework sends its updates to nobody, and sends them again ten
# seconds later. With this wait most rounds are spared that, and some are not.
AGENT_FLAGS = {
    'resources': 'cpus:8;mem:8192;disk:1000',
    'registration_backoff_factor': '500ms',
}


class Ledger(client.Framework):
    """A framework that keeps every update it was sent, once, and acknowledges from one thread."""

    def __init__(self, addr):
        super().__init__(addr, auto_ack=False, checkpoint=True, failover_timeout=100000.0)
        self.changed = threading.Condition()
        self.uuids = set()
        self.states = {}  # task -> states in order, each UUID once
        self.problems = []  # what was sent and should not have been
        self.reconciled = {}  # task -> latest answer to RECONCILE
        self.unacknowledged = queue.Queue()
        threading.Thread(target=self.acknowledge, daemon=True).start()

    def on_event(self, event):
        if event['type'] in ('ERROR', 'FAILURE'):
            self.problems.append(event)
        if event['type'] != 'UPDATE':
            return
        status = event['update']['status']
        task, state, uuid = status['task_id']['value'], status['state'], status.get('uuid')
        with self.changed:
            if status.get('reason') == 'REASON_RECONCILIATION':
                self.reconciled[task] = state
            elif not uuid:
                self.problems.append(status)
            elif uuid not in self.uuids:
                self.uuids.add(uuid)
                self.states.setdefault(task, []).append(state)
            self.changed.notify_all()
        if uuid:
            self.unacknowledged.put(status)

    def acknowledge(self):
        """An acknowledgement that gets lost is no trouble: the update comes again."""
        while True:
            status = self.unacknowledged.get()
            for _ in range(20):  # the id of a new stream is known a moment after its events
                try:
                    if (
                        self.call(
                            'ACKNOWLEDGE',
                            expect=None,
                            agent_id=status['agent_id'],
                            task_id=status['task_id'],
                            uuid=status['uuid'],
                        ).status
                        == 202
                    ):
                        break
                except (OSError, EOFError):
                    pass
                time.sleep(0.05)

    def wait(self, what, predicate, timeout=60):
        with self.changed:
            if not self.changed.wait_for(predicate, timeout):
                raise AssertionError('%s: not within %g s' % (what, timeout))

    def last(self, task):
        return (self.states.get(task) or [None])[-1]

    def resubscribe(self):
        def subscribed():
            try:
                return self.subscribe()
            except (OSError, EOFError, AssertionError):
                return False

        wait_until('the framework is subscribed again', subscribed, 30)


class Task:
    """A shell that waits at a named pipe for its exit status."""

    def __init__(self, directory, name):
        self.base = os.path.join(directory, name)
        os.mkfifo(self.base + '.pipe')
        self.info = client.task(
            'echo $$ >%s.pid; read status <%s.pipe; exit $status' % (self.base, self.base),
            cpus=0.02,
            mem=8,
            name=name,
            task_id={'value': name},
        )
        self.name, self.process = name, None

    def identify(self):
        """Remembers the process. Called once it runs."""

        def pid():
            try:
                with open(self.base + '.pid') as f:
                    text = f.read()
            except FileNotFoundError:  # RUNNING is reported before the shell has come so far
                return None
            return int(text) if text.endswith('\n') else None

        number = wait_until('the pid of ' + self.name, pid)
        self.process = number, started_at(number)

    def runs(self):
        return self.process[1] is not None and started_at(self.process[0]) == self.process[1]

    def end(self, status):
        def opened():
            try:
                return os.open(self.base + '.pipe', os.O_WRONLY | os.O_NONBLOCK)
            except OSError:  # the shell is not at the pipe yet
                return None

        pipe = wait_until('%s reads its pipe' % self.name, opened)
        os.write(pipe, b'%d\n' % status)
        os.close(pipe)


class Rounds:
    def __init__(self, workspace, seed):
        self.random = random.Random(seed)
        self.cluster = workspace.cluster(MASTER_FLAGS, AGENT_FLAGS, AGENTS)
        self.directory = workspace.path('tasks')
        os.mkdir(self.directory)
        self.framework = Ledger(self.cluster.master_addr).subscribe()
        self.running, self.ended, self.count = {}, {}, 0
        self.launch(TASKS)

    def launch(self, count):
        """Starts tasks on whatever is offered and waits until they run."""
        new = []
        self.framework.return_offers()
        while len(new) < count:
            self.framework.call('REVIVE')
            offer = self.framework.offer(timeout=30)
            part = []
            room = int(client.total(offer, 'cpus') / 0.02 + 0.5)
            for _ in range(min(room, count - len(new), -(-count // AGENTS))):
                part.append(Task(self.directory, 'task-%d' % self.count))
                self.count += 1
            self.framework.launch(*[t.info for t in part], offer=offer)
            new += part
        self.framework.wait(
            'all tasks run', lambda: all(self.framework.last(t.name) == 'TASK_RUNNING' for t in new)
        )
        for task in new:
            task.identify()
            self.running[task.name] = task
        self.framework.call('SUPPRESS')

    def end(self, tasks):
        for task in tasks:
            status = self.random.choice([0, 0, 3])
            del self.running[task.name]
            self.ended[task.name] = 'TASK_FAILED' if status else 'TASK_FINISHED'
            task.end(status)

    def kill_master(self, during):
        self.cluster.master.stop()
        during()
        self.cluster.start_master()
        self.framework.stream.wait_closed(10)
        self.framework.resubscribe()

    def kill_agent(self, number, during):
        agent = self.cluster.agents[number]
        identity = self.cluster.agent_id(agent)
        before = self.registration(identity)
        agent.stop()
        during()
        self.cluster.start_agent(number)
        wait_until(
            'agent %d is registered again' % number,
            lambda: self.registration(identity) not in (None, before),
        )

    def registration(self, identity):
        for agent in self.cluster.slaves():
            if agent['id'] == identity and agent['active']:
                return agent.get('reregistered_time') or agent['registered_time']
        return None

    def round(self):
        """One kill; returns what was killed."""
        tasks = self.random.sample(sorted(self.running.values(), key=lambda t: t.name), 6)
        before = self.random.randrange(4)
        victim = self.random.choice(['master'] + list(range(AGENTS)))
        self.end(tasks[:before])  # their updates are on their way when the kill comes
        time.sleep(self.random.random() * 0.02)

        def during():
            self.end(tasks[before:])

        if victim == 'master':
            self.kill_master(during)
        else:
            self.kill_agent(victim, during)
        wait_until(
            'all agents are active',
            lambda: sum(a['active'] for a in self.cluster.slaves()) == AGENTS,
            30,
        )
        self.check()
        self.launch(TASKS - len(self.running))
        return 'master' if victim == 'master' else 'agent %d' % victim

    def check(self):
        framework = self.framework
        framework.wait(
            'the ended tasks are reported',
            lambda: all(framework.last(name) == state for name, state in self.ended.items()),
        )
        dead = [name for name, task in self.running.items() if not task.runs()]
        assert not dead, 'these processes have gone: %s' % dead
        for tasks in ([], [{'task_id': {'value': name}} for name in self.running]):
            framework.reconciled = {}
            framework.call('RECONCILE', tasks=tasks)
            framework.wait(
                'RECONCILE answers TASK_RUNNING for each',
                lambda: all(
                    framework.reconciled.get(name) == 'TASK_RUNNING' for name in self.running
                ),
            )
            # An ended task may still be answered for while its acknowledgement is on its way.
            wrong = {
                name: state
                for name, state in framework.reconciled.items()
                if name not in self.running and state != self.ended.get(name)
            }
            assert not wrong, 'RECONCILE answered %s' % wrong
        for name, states in framework.states.items():
            expected = ['TASK_RUNNING'] + ([self.ended[name]] if name in self.ended else [])
            assert [s for s in states if s != 'TASK_STARTING'] == expected, '%s: %s' % (
                name,
                states,
            )
        assert not framework.problems, 'sent: %s' % framework.problems

    def finish(self):
        self.end(list(self.running.values()))
        self.check()
        self.framework.teardown()


def main():
    parser = argument_parser(__doc__)
    parser.add_argument('--rounds', type=int, default=100)
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    begin = time.monotonic()
    with Workspace(options.binary, 24000, options.keep) as workspace:
        rounds = Rounds(workspace, options.seed)
        for number in range(1, options.rounds + 1):
            try:
                victim = rounds.round()
            except BaseException:
                print('round %d of --seed %d failed' % (number, options.seed), flush=True)
                raise
            if sys.stdout.isatty() or number % 10 == 0:
                print(
                    'round %d: %s, %.1f s' % (number, victim, time.monotonic() - begin), flush=True
                )
        rounds.finish()
    print('%d rounds, %d tasks, %.1f s' % (options.rounds, rounds.count, time.monotonic() - begin))
    return 0


if __name__ == '__main__':
    sys.exit(main())
