#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants each kind of violation in a small tree and expects tidy.py to find it and no more."""
import os
import tempfile
import unittest

import tidy

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
HEADER = SPDX + "#pragma once\n"


class TidyTest(unittest.TestCase):
    def findings(self, files):
        with tempfile.TemporaryDirectory() as root:
            for name, text in files.items():
                path = os.path.join(root, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
            return tidy.Tidy(root).run()

    def one(self, name, text, expected, line=None):
        """Exactly one finding, in this file, with these words."""
        files = {name: text}
        if name.endswith(".cpp"):
            cmake = os.path.join(os.path.dirname(name), "CMakeLists.txt")
            files[cmake] = f"add({os.path.basename(name)})\n"
        found = self.findings(files)
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith(f"{name}:{'' if line is None else line}"), found)
        self.assertIn(expected, found[0])

    def test_a_clean_tree_has_no_findings(self):
        self.assertEqual(self.findings({
            "src/base/time.hpp": HEADER,
            "src/master/core/CMakeLists.txt": "mesolith_library(x SOURCES offers.cpp)\n",
            "src/master/core/offers.cpp": SPDX + '#include "base/time.hpp"\n'
            '#include "model/resources.hpp"\n#include "mesos/v1/mesos.pb.h"\n'
            '#include "mesolith/registry.pb.h"\n#include "master/core/state.hpp"\n'
            "// A steady_clock or co_await in a comment is none.\n"
            'const char* text = "co_await std::mutex";\n',
            "src/agent/shell/loop.hpp": HEADER + '#include "agent/core/state.hpp"\n'
            '#include "agent/hands/fetch.hpp"\n#include "os/process.hpp"\n',
            "src/frameworks/drf_demo/core/demo.hpp":
                HEADER + '#include "frameworks/driver/core/driver.hpp"\n',
            "src/sim/world.hpp": HEADER + '#include "master/core/allocator/allocator.hpp"\n'
            '#include "frameworks/driver/core/driver.hpp"\n#include "agent/http/handle.hpp"\n',
        }), [])

    def test_the_ladder(self):
        for folder, include in [
                ("base", "wire/json.hpp"), ("wire", "model/resources.hpp"),
                ("model", "net/loop.hpp"), ("os", "wire/json.hpp"), ("net", "model/role.hpp"),
                ("store", "net/loop.hpp"), ("coordination", "store/store.hpp"),
                ("master/core", "agent/core/state.hpp"), ("master/core", "master/http/handle.hpp"),
                ("master/core", "store/store.hpp"), ("cql/core", "wire/json.hpp"),
                ("master/core/allocator", "frameworks/driver/core/driver.hpp"),
                ("frameworks/marathon/core", "frameworks/chronos/core/job.hpp"),
                ("agent/http", "agent/hands/fetch.hpp"), ("sim", "master/shell/loop.hpp"),
                ("sim", "net/loop.hpp"), ("agent/hands", "net/loop.hpp"),
                ("launcher", "model/resources.hpp"), ("master/shell", "os/process.hpp"),
                ("master/shell", "agent/shell/loop.hpp"), ("cli", "master/core/state.hpp")]:
            with self.subTest(folder=folder, include=include):
                self.one(f"src/{folder}/noun.hpp", HEADER + f'#include "{include}"\n',
                         "may not include", 3)

    def test_a_room_that_is_not_on_the_ladder(self):
        self.one("src/cellar/noun.hpp", HEADER, "no room of the ladder")

    def test_main_sees_no_core(self):
        files = {"src/CMakeLists.txt": "x(main.cpp)",
                 "src/main.cpp": SPDX + '#include "cli/run.hpp"\n#include "master/core/step.hpp"\n'}
        self.assertEqual(len(self.findings(files)), 1)

    def test_relative_includes(self):
        self.one("src/base/noun.hpp", HEADER + '#include "time.hpp"\n', "from the source root", 3)
        self.one("src/base/noun.hpp", HEADER + '#include "../os/x.hpp"\n', "relative", 3)

    def test_bans_in_pure_rooms(self):
        for folder in ("wire", "model", "master/core", "master/core/allocator", "agent/http",
                       "frameworks/driver/core", "sim/checkers"):
            for line in ("#include <sys/socket.h>", "#include <unistd.h>", "#include <thread>",
                         "#include <fstream>", "#include <unordered_map>",
                         "#include <boost/asio.hpp>", "std::random_device dice;",
                         "auto now = std::chrono::steady_clock::now();", "co_await wait();",
                         "std::mutex mutex;", "Time now = clock_now();"):
                with self.subTest(folder=folder, line=line):
                    self.one(f"src/{folder}/noun.cpp", f"{SPDX}{line}\n", "in a pure room", 2)

    def test_asio_in_a_header(self):
        self.one("src/net/loop.hpp", HEADER + "#include <boost/asio.hpp>\n", "in a header", 3)

    def test_sizes(self):
        self.one("src/os/noun.cpp", SPDX + "//\n" * 500, "501 lines", 500)
        self.one("src/os/noun.hpp", HEADER + "//\n" * 299, "301 lines", 300)
        self.one("src/os/noun.cpp", SPDX + "// " + "x" * 98 + "\n", "101 columns", 2)
        body = "void f(int a)\n    const {\n" + "  g({1, 2});\n" * 69 + "}\n"
        self.one("src/os/noun.cpp", SPDX + "namespace n {\nstruct S {\n" + body + "};\n}\n",
                 "a function of 71 lines", 5)

    def test_sizes_that_are_fine(self):
        cmake = "x(a.cpp a_test.cpp)"
        scope = "namespace n {\nclass C final : public B<int()> {\n" + "int x;\n" * 80 + "};\n}\n"
        table = "constexpr int table[] = {\n" + "  1,\n" * 80 + "};\n"
        self.assertEqual(self.findings({
            "src/os/CMakeLists.txt": cmake,
            "src/os/a.cpp": SPDX + scope + table,
            "src/os/a_test.cpp": SPDX + "//\n" * 900}), [])

    def test_headers(self):
        self.one("src/os/noun.hpp", SPDX, "#pragma once")
        self.one("src/os/noun.hpp", HEADER + "using namespace std;\n", "spell the names out", 3)

    def test_spdx(self):
        self.one("src/os/noun.hpp", "#pragma once\n", "no SPDX line", 1)
        self.one("tools/thing.py", "#!/usr/bin/env python3\n", "no SPDX line", 1)

    def test_vague_names(self):
        for name in ("src/os/utils.hpp", "src/os/string_utils.hpp", "src/os/helpers.hpp",
                     "src/os/common/noun.hpp"):
            with self.subTest(name=name):
                self.one(name, HEADER, "says nothing")

    def test_dead_files(self):
        self.assertIn("no CMakeLists.txt builds this file",
                      self.findings({"src/os/noun.cpp": SPDX})[0])
        self.assertIn("no CMakeLists.txt builds this file", self.findings(
            {"src/os/noun.cpp": SPDX, "src/os/CMakeLists.txt": "# x(noun.cpp)\n"})[0])

    def test_blanks_at_the_end(self):
        self.one("src/os/noun.hpp", HEADER + "int x; \n", "blanks at the end", 3)


if __name__ == "__main__":
    unittest.main()
