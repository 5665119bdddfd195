#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds archives that ask for forbidden things and expects purity.py to see each."""
import os
import subprocess
import sys
import tempfile
import unittest

PURITY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "purity.py")


class PurityTest(unittest.TestCase):
    def look(self, archive, source):
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, name) for name in ("a.cpp", "a.o", archive)]
            with open(paths[0], "w", encoding="utf-8") as file:
                file.write(source)
            subprocess.run(["clang++-19", "-std=c++23", "-c", paths[0], "-o", paths[1]], check=True)
            subprocess.run(["ar", "rc", paths[2], paths[1]], check=True)
            return subprocess.run([sys.executable, PURITY, folder], capture_output=True, text=True)

    def test_finds_clocks_threads_files_and_sockets(self):
        for header, body, symbol in [
                ("chrono", "return std::chrono::steady_clock::now().time_since_epoch().count();",
                 "now()"),
                ("time.h", "timespec t; return clock_gettime(0, &t);", "clock_gettime"),
                ("fcntl.h", 'return open("x", 0);', "open"),
                ("pthread.h", "return pthread_create(0, 0, 0, 0);", "pthread_create"),
                ("sys/socket.h", "return socket(1, 1, 0);", "socket"),
                ("random", "return std::random_device()();", "random_device")]:
            with self.subTest(symbol=symbol):
                done = self.look("libmesolith_master_core.a",
                                 f"#include <{header}>\nlong f() {{ {body} }}\n")
                self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
                self.assertIn(symbol, done.stdout)

    def test_a_pure_archive_passes(self):
        done = self.look("libmesolith_wire.a",
                         "#include <map>\n#include <string>\nstd::map<std::string, int> m;\n")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("1 archives", done.stdout)

    def test_a_shell_may(self):
        done = self.look("libmesolith_master_shell.a",
                         "#include <sys/socket.h>\nint f() { return socket(1, 1, 0); }\n")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
