#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A persistent volume's file outlives its task, kill -9 of the agent and kill -9 of the master.

In each round one task writes a line into the volume and ends, then the agent, the master or both
are killed; a last task counts the lines. DESTROY takes the file away, and a volume made anew under
the same name is empty. An operation's outcome is told although the agent was killed before that.
"""

import json
import os
import sys
import urllib.parse

from cluster_fixture import Workspace, argument_parser, client, wait_until, wire

ROLE = 'db'
AGENT_FLAGS = {
    'resources': 'cpus:4;mem:2048;disk:1000',
    'registration_backoff_factor': '100ms',
}


def disk(size=64, **extra):
    reservation = {'type': 'DYNAMIC', 'role': ROLE, 'principal': 'p'}
    return client.scalar('disk', size, reservations=[reservation], **extra)


VOLUME = disk(
    disk={
        'persistence': {'id': 'v', 'principal': 'p'},
        'volume': {'mode': 'RW', 'container_path': 'data'},
    }
)


def operation(kind, field, *resources, **extra):
    return dict({'type': kind, kind.lower(): {field: list(resources)}}, **extra)


def holds_volume(offer):
    return any('persistence' in r.get('disk', {}) for r in offer['resources'])


class Test:
    def __init__(self, workspace):
        self.cluster = workspace.cluster(agent_flags=AGENT_FLAGS)
        self.framework = client.Framework(
            self.cluster.master_addr,
            caps=('MULTI_ROLE', 'RESERVATION_REFINEMENT'),
            roles=[ROLE],
            principal='p',
            checkpoint=True,
            failover_timeout=100000.0,
        ).subscribe()
        agent = self.cluster.agents[0]
        self.identity = self.cluster.agent_id(agent)
        self.directory = os.path.join(self.work_dir(agent), 'volumes', 'roles', ROLE, 'v')

    @staticmethod
    def work_dir(agent):
        for argument in agent.argv:
            if argument.startswith('--work_dir='):
                return argument.partition('=')[2]
        raise AssertionError('the agent has no --work_dir: %s' % agent.argv)

    def offer(self, predicate):
        """Offers that do not fit are given back; what is held from before is declined."""
        self.framework.return_offers()
        return self.framework.offer(predicate, timeout=30)

    def run(self, command):
        """A task on the volume; it must end well."""
        offer = self.offer(holds_volume)
        task = client.task(command, agent_id=offer['agent_id'])
        task['resources'].append(VOLUME)
        self.framework.launch(task, offer=offer)
        self.framework.update(task, 'TASK_FINISHED', timeout=30)

    def active(self):
        return any(s['id'] == self.identity and s['active'] for s in self.cluster.slaves())

    def kill_agent(self):
        before = self.cluster.slaves()[0].get('reregistered_time')
        self.cluster.agents[0].stop()
        self.cluster.start_agent(0)
        wait_until(
            'the agent is back',
            lambda: self.active()
            and self.cluster.slaves()[0].get('reregistered_time') not in (None, before),
        )

    def restart_master(self):
        self.cluster.master.stop()
        self.cluster.start_master()
        self.framework.stream.wait_closed(10)

        def subscribed():
            try:
                return self.framework.subscribe()
            except (OSError, EOFError, AssertionError):
                return False

        wait_until('the framework is subscribed again', subscribed, 30)

    def kill_master(self):
        self.restart_master()
        wait_until('the agent is back', self.active)

    def kill_both(self):
        self.cluster.agents[0].stop()
        self.restart_master()
        self.cluster.start_agent(0)
        wait_until('the agent is back', self.active)

    def make(self):
        offer = self.offer(lambda o: not holds_volume(o))
        self.framework.accept(
            offer,
            [operation('RESERVE', 'resources', disk()), operation('CREATE', 'volumes', VOLUME)],
        )

    def test_survives(self):
        self.make()
        lines = 0
        for kill in (self.kill_agent, self.kill_master, self.kill_both):
            self.run('echo line >> data/file')
            lines += 1
            kill()
            with open(os.path.join(self.directory, 'file')) as f:
                assert f.read() == 'line\n' * lines
        self.run('test $(wc -l < data/file) = %d' % lines)

    def test_destroyed(self):
        offer = self.offer(holds_volume)
        self.framework.accept(offer, [operation('DESTROY', 'volumes', VOLUME)])
        wait_until('the directory is gone', lambda: not os.path.exists(self.directory))
        self.kill_agent()
        assert not os.path.exists(self.directory)
        offer = self.offer(lambda o: not holds_volume(o))
        self.framework.accept(offer, [operation('CREATE', 'volumes', VOLUME)])
        self.run('test ! -e data/file')

    def test_feedback(self):
        """The agent is killed around the operation; its outcome is told all the same."""
        offer = self.offer(holds_volume)
        self.cluster.agents[0].send(19)  # SIGSTOP: it cannot answer
        self.framework.accept(offer, [operation('DESTROY', 'volumes', VOLUME, id={'value': 'op'})])
        self.kill_agent()
        event = self.framework.take('UPDATE_OPERATION_STATUS', timeout=30)
        status = event['update_operation_status']['status']
        assert status['operation_id'] == {'value': 'op'}, status
        assert status['state'] in ('OPERATION_FINISHED', 'OPERATION_DROPPED'), status
        there = os.path.exists(self.directory)
        assert there == (status['state'] == 'OPERATION_DROPPED'), status
        self.framework.call(
            'ACKNOWLEDGE_OPERATION_STATUS',
            agent_id=status['agent_id'],
            operation_id={'value': 'op'},
            uuid=status['uuid']['value'],
        )

    def operator(self, path, field, resource, expect=202):
        """The operator's v0 form."""
        body = urllib.parse.urlencode(
            {'slaveId': self.identity, field: json.dumps([resource])}
        ).encode()
        answer = wire.request(
            self.cluster.master_addr,
            'POST',
            path,
            {'Content-Type': 'application/x-www-form-urlencoded'},
            body,
        )
        assert answer.status == expect, (path, answer.status, answer.text)
        return answer.text

    def test_operator(self):
        self.framework.call('SUPPRESS')
        self.framework.return_offers()
        volume = json.loads(json.dumps(VOLUME))
        volume['disk']['persistence']['id'] = 'operators'
        self.operator('/reserve', 'resources', disk())
        self.operator('/create-volumes', 'volumes', volume)
        directory = os.path.join(os.path.dirname(self.directory), 'operators')
        wait_until('the directory is there', lambda: os.path.isdir(directory))
        text = self.operator('/reserve', 'resources', disk(100000), 409)
        assert 'does not contain' in text, text
        text = self.operator('/unreserve', 'resources', volume, 400)
        assert 'cannot be unreserved directly' in text, text
        text = self.operator('/reserve', 'things', disk(), 400)
        assert text == "Missing 'resources' query parameter in the request body", text
        text = self.operator('/master/reserve', 'resources', '{', 400)
        self.operator('/destroy-volumes', 'volumes', volume)
        self.operator('/unreserve', 'resources', disk())
        wait_until('the directory is gone', lambda: not os.path.exists(directory))


def main():
    args = argument_parser(__doc__.splitlines()[0]).parse_args()
    with Workspace(args.binary, base_port=22300, keep=args.keep) as workspace:
        test = Test(workspace)
        for each in (
            test.test_survives,
            test.test_destroyed,
            test.test_feedback,
            test.test_operator,
        ):
            each()
            print('ok', each.__name__)
    return 0


if __name__ == '__main__':
    sys.exit(main())
