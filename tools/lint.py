#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy over the sources: lint.py build_directory [--budget SECONDS].

Without a budget every file is checked. With one, files changed by the last commit come first, the
others follow from a place that moves with each commit, and no new file is started once the time is
spent; so a short budget still visits the whole house over some commits. Exits 1 on findings.
"""
import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import time

FILES_PER_COMMIT = 17  # coprime to most counts, so that the start wanders over the whole list


def git(root, *arguments):
    done = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True)
    return done.stdout.split() if done.returncode == 0 else []


def ordered(root, files):
    changed = {os.path.join(root, name) for name in git(root, "diff", "--name-only", "HEAD~1")}
    commits = int((git(root, "rev-list", "--count", "HEAD") or ["0"])[0])
    start = commits * FILES_PER_COMMIT % max(1, len(files))
    rotated = files[start:] + files[:start]
    return sorted(rotated, key=lambda name: name not in changed)


def check(build, name, deadline):
    if time.monotonic() > deadline:
        return None
    return subprocess.run(["clang-tidy-19", "-p", build, "--quiet", "--warnings-as-errors=*", name],
                          capture_output=True, text=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--budget", type=float, default=float("inf"), metavar="SECONDS")
    arguments = parser.parse_args()
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    with open(os.path.join(arguments.build, "compile_commands.json"), encoding="utf-8") as file:
        named = {entry["file"] for entry in json.load(file)}
    files = sorted(name for name in named if name.startswith(os.path.join(root, "src") + "/"))
    deadline = time.monotonic() + arguments.budget
    failed = 0
    checked = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in pool.map(lambda name: check(arguments.build, name, deadline),
                             ordered(root, files)):
            if done is None:
                continue
            checked += 1
            if done.returncode != 0:
                failed += 1
                print(done.stdout or done.stderr, flush=True)
    print(f"clang-tidy: {checked} of {len(files)} files checked, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
