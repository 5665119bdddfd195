#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pure rooms, seen by the linker: purity.py build_directory.

A core, http, wire or model archive must not ask for a clock, a thread, a file, a socket or entropy.
This sees through includes, which tidy.py cannot. Prints `archive: object: symbol` and exits 1.
"""
import os
import re
import shutil
import subprocess
import sys

PURE = re.compile(r"^libmesolith_(wire|model|.*_core|.*_core_.*|.*_http|.*allocator)\.a$")
BANNED = re.compile(
    r"^(clock_gettime|clock_nanosleep|nanosleep|usleep|sleep|gettimeofday|time|localtime(_r)?|"
    r"pthread_create|pthread_mutex_lock|pthread_cond_wait|"
    r"open|open64|openat|creat|fopen|fopen64|read|write|pread|pwrite|fsync|fdatasync|rename|unlink|"
    r"socket|connect|bind|listen|accept|accept4|send|sendto|recv|recvfrom|poll|epoll_\w+|"
    r"fork|vfork|execve|execv|execvp|posix_spawn|posix_spawnp|kill|waitpid|getrandom|getentropy|"
    r"rand|srand|random)(@.*)?$"
    r"|^std::chrono::.*::now\(\)|^std::thread::|^std::random_device::|^std::filesystem::"
    r"|^std::basic_(if|of|f)stream<|^std::basic_filebuf<|^std::condition_variable::"
    r"|^mesolith::(clock_now|entropy_seed)\(")


def wishes(archive):
    """(object, symbol) of what an archive asks for."""
    tool = shutil.which("llvm-nm-19") or shutil.which("nm")
    listing = subprocess.run([tool, "-u", "-C", archive], check=True, capture_output=True,
                             text=True).stdout
    member = "?"
    for line in listing.splitlines():
        if line.endswith(":"):
            member = line[:-1]
        elif line.strip().startswith("U "):
            yield member, line.strip()[2:]


def main():
    archives = [os.path.join(path, name) for path, _, names in os.walk(sys.argv[1])
                for name in names if PURE.match(name)]
    findings = [(archive, member, symbol) for archive in sorted(archives)
                for member, symbol in wishes(archive) if BANNED.match(symbol)]
    for archive, member, symbol in findings:
        print(f"{os.path.basename(archive)}: {member} asks for {symbol}; a pure room is handed "
              "what it needs, or asks a shell through an effect")
    print(f"{len(archives)} archives looked at")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
