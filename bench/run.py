#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the benchmarks one after the other, gathers their JSON lines, prints one table and writes
results.json.

usage: run.py RESULTS.json PROGRAM...
A benchmark that fails is named and makes the exit status 1; the others still run.
Where it may, it raises its own priority, and so that of everything measured and of the
denominators alike: other work on the machine then disturbs the ratios less.
"""
import json
import os
import platform
import subprocess
import sys


def run(program):
    """The results of one program and whether it ended well."""
    print('%s' % os.path.basename(program), file=sys.stderr, flush=True)
    done = subprocess.run([program], stdout=subprocess.PIPE, text=True)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{')]
    return found, done.returncode == 0


def completed(result):
    """Fills in what a program did not say itself."""
    if 'verdict' not in result:
        at_least = result.setdefault('at_least', False)

        def reaches(line):
            return result['ratio'] >= line if at_least else result['ratio'] <= line
        result['verdict'] = ('goal' if reaches(result['goal']) else
                             'met' if reaches(result['bar']) else 'missed')
    if 'cycle_seconds' in result:
        result.update(what='allocation cycle', value=1e3 * result['cycle_seconds'], unit='ms',
                      denominator=1e3 * result['bare_heap_seconds'],
                      denominator_what='bare heap loop, ms')
    return result


def row(result):
    ratio = result.get('ratio')
    kind = 'ratio' if ratio else 'value'
    low, high = result[kind + '_min'], result[kind + '_max']
    sign = '>=' if result['at_least'] else '<='
    return [result['name'], '%.4g %s' % (result['value'], result['unit']),
            '%.4g' % result['denominator'] if ratio else '-', '%.3g' % ratio if ratio else '-',
            '%.3g to %.3g' % (low, high), '%s %g' % (sign, result['bar']),
            '%s %g' % (sign, result['goal']), result['verdict']]


def main():
    try:
        os.nice(-20)
    except OSError:
        pass
    results, failed = [], []
    for program in sys.argv[2:]:
        found, well = run(program)
        results += [completed(result) for result in found]
        if not well:
            failed.append(os.path.basename(program))
    rows = [['', 'value', 'denominator', 'ratio', 'spread', 'bar', 'goal', 'bar is']]
    rows += [row(result) for result in results]
    widths = [max(len(line[i]) for line in rows) for i in range(len(rows[0]))]
    for line in rows:
        print('  '.join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
    for result in results:
        print('%s: %s / %s' % (result['name'], result['what'],
                               result.get('denominator_what', 'no denominator')))
    with open(sys.argv[1], 'w') as out:
        json.dump({'cores': os.cpu_count(), 'kernel': platform.release(), 'load': os.getloadavg(),
                   'nice': os.nice(0), 'results': results, 'failed': failed}, out, indent=1)
        out.write('\n')
    for name in failed:
        print('bench: %s failed' % name, file=sys.stderr)
    return 1 if failed else 0


sys.exit(main())
