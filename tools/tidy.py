#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules of the house (STYLE.md, doc/adr/0001) as a program: tidy.py [root].

Reads every file that git knows, or would add, under src/, proto/, tests/, bench/ and tools/. Prints
one line per finding, `file:line: what, and what to do instead`, and exits 1 if there are any.
Generated protobuf code is not looked at; tests/conformance/ is taken from elsewhere unchanged.
"""
import os
import re
import subprocess
import sys

CPP_LINES_MAX = 500
HPP_LINES_MAX = 300
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100

# The ladder. Each room and the rooms it may include beside itself; the longest matching prefix of a
# folder names its room. "*" in an entry stands for one path part, "@" for the room's own role.
CORE = ("base", "wire", "model")
SHELL = ("@/core", "@/http", "@/hands", "base", "wire", "model", "net", "store", "coordination")
LADDER = {
    "base": (),
    "wire": ("base",),
    "model": ("base", "wire"),
    "*/core": CORE,
    "frameworks/*/core": CORE + ("frameworks/driver/core",),
    "cql/core": ("base",),
    "*/http": CORE + ("@/core",),
    "frameworks/*/http": CORE + ("@/core", "frameworks/driver/core"),
    "sim": CORE + ("*/core", "*/http", "frameworks/*/core", "frameworks/*/http"),
    "net": ("base", "wire"),
    "os": ("base",),
    "store": ("base",),
    "coordination": ("base",),
    "agent/hands": ("base", "model", "os", "launcher"),
    "launcher": ("base", "os"),
    "*/shell": SHELL,
    "agent/shell": SHELL + ("os", "launcher"),
    "executor/shell": SHELL + ("os",),
    "frameworks/*/shell": SHELL + ("frameworks/driver/shell", "frameworks/driver/core"),
    "jni": CORE + ("net", "frameworks/driver"),
    "cli": CORE + ("net", "frameworks/driver", "frameworks/driver/core",
                   "frameworks/driver/shell"),
    "dev": CORE + ("net", "os", "store", "coordination", "launcher", "cli", "sim", "*/core",
                   "*/http", "*/shell", "frameworks/*/core", "frameworks/*/http",
                   "frameworks/*/shell", "agent/hands"),
}
MAIN = ("base", "cli", "dev", "sim", "launcher", "*/shell", "frameworks/*/shell")
GENERATED = re.compile(r"^(mesos|mesolith)/.*\.pb\.h$|^google/protobuf/")

PURE = re.compile(r"^src/(base|wire|model|sim)/|^src/(.+/)?(core|http)/")
# base holds the two places where the process meets its clock and its entropy, and the log's mutex.
PURE_EXEMPT = {"src/base/time.hpp", "src/base/time.cpp", "src/base/rng.cpp", "src/base/log.cpp",
               "src/base/check.cpp"}
SYSTEM = (r"sys/|netinet/|arpa/|net/|linux/|unistd\.h|fcntl\.h|poll\.h|pthread\.h|signal\.h|"
          r"csignal|spawn\.h|dirent\.h|netdb\.h|time\.h|ctime")
BANS = [
    (re.compile(r"#include <boost/(asio|beast)"), "Asio and Beast", "move it to a shell or to net"),
    (re.compile(r"#include <(%s)" % SYSTEM), "a system header", "ask a shell through an effect"),
    (re.compile(r"#include <(thread|mutex|shared_mutex|condition_variable|future|atomic|"
                r"semaphore|barrier|latch|stop_token|coroutine|fstream|filesystem|iostream)>"),
     "a header of threads, coroutines or files", "ask a shell through an effect"),
    (re.compile(r"#include <unordered_|\bstd::unordered_|\babsl::"), "a hash-ordered container",
     "use std::map, std::set or a sorted vector, so that walking it is deterministic"),
    (re.compile(r"\brandom_device\b"), "entropy", "take the Rng that is handed in"),
    (re.compile(r"\b(steady_clock|system_clock|high_resolution_clock|clock_gettime|clock_now)\b"),
     "a clock", "take `Time now` as the first parameter"),
    (re.compile(r"\bco_(await|return|yield)\b"), "a coroutine",
     "return effects; the shell waits and sends an event"),
    (re.compile(r"\bstd::(thread|jthread|mutex|async|this_thread)\b"), "threads",
     "one thread runs a core; ask a shell through an effect"),
]
VAGUE = re.compile(r"(^|_)(utils?|helpers?|common|misc)(_|\.|$)")


def source_files(root):
    """Paths relative to root, from git where there is one."""
    folders = ("src", "proto", "tests", "bench", "tools", "cmake")
    try:
        listed = subprocess.run(
            ["git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard", "--",
             *folders], check=True, capture_output=True, text=True).stdout.splitlines()
    except (subprocess.CalledProcessError, FileNotFoundError):
        listed = [os.path.relpath(os.path.join(path, name), root) for folder in folders
                  for path, _, names in os.walk(os.path.join(root, folder)) for name in names]
    return sorted(name for name in set(listed)
                  if not name.startswith("tests/conformance/") and "__pycache__" not in name
                  and os.path.isfile(os.path.join(root, name)))


def is_test(name):
    return name.startswith("tests/") or re.search(r"_(test|fuzz)\.cpp$", name) is not None


def matches(pattern, folder):
    """Whether a folder lies at or below a pattern of the ladder."""
    parts = pattern.split("/")
    have = folder.split("/")
    return len(have) >= len(parts) and all(p in ("*", h) for p, h in zip(parts, have))


def room_of(folder):
    """The row of the ladder for a folder under src/, or None."""
    fitting = [row for row in LADDER if matches(row, folder)]
    # More path parts win, then fewer stars.
    return max(fitting, key=lambda row: (row.count("/"), -row.count("*")), default=None)


def may_include(folder, target):
    if folder == "":
        return any(matches(entry, target) for entry in MAIN)
    row = room_of(folder)
    if row is None:
        return False
    depth = row.count("/") + 1
    own = "/".join(folder.split("/")[:depth])
    if target == own or target.startswith(own + "/"):
        return True
    role = "/".join(own.split("/")[:-1])
    return any(matches(entry.replace("@", role), target) for entry in LADDER[row])


def blank_comments(text):
    """The text with comments, strings and character literals blanked, line ends kept."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"([^()\\ ]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|'
                         r"(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])'", re.S)
    return pattern.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)


def long_functions(code):
    """(line, length) of every body in braces after a parameter list that is too long."""
    stack = []
    line = 1
    since = 0  # where the text since the last ; { or } begins
    for index, char in enumerate(code):
        if char == "\n":
            line += 1
        elif char == "{":
            head = code[since:index].strip()
            scope = re.match(r"(inline\s+)?namespace\b|extern\b|(template\s*<.*>\s*)?"
                             r"(class|struct|union|enum)\b(?!.*\)\s*(const)?\s*$)", head, re.S)
            function = not scope and re.search(r"\)[^;={}]*$", head) is not None
            inside = any(entry[0] for entry in stack)
            stack.append((function and not inside, line))
            since = index + 1
        elif char == "}":
            if stack:
                function, begin = stack.pop()
                if function and line - begin + 1 > FUNCTION_LINES_MAX:
                    yield begin, line - begin + 1
            since = index + 1
        elif char == ";":
            since = index + 1


class Tidy:
    def __init__(self, root):
        self.root = root
        self.findings = []

    def report(self, name, line, what):
        self.findings.append(f"{name}:{line}: {what}")

    def run(self):
        names = source_files(self.root)
        listed = self.listed_sources(names)
        for name in names:
            self.check_name(name)
            if not name.endswith((".cpp", ".hpp", ".h", ".proto", ".py")):
                continue
            with open(os.path.join(self.root, name), encoding="utf-8", errors="replace") as file:
                text = file.read()
            self.check_text(name, text)
            if name.endswith((".h", ".cc", ".cxx", ".c")):
                self.report(name, 1, "a foreign file ending; name it .hpp or .cpp")
            if name.endswith(".cpp") and name not in listed:
                self.report(name, 1, "no CMakeLists.txt builds this file; list it, or delete it")
            if name.endswith((".cpp", ".hpp")):
                self.check_code(name, text)
        return self.findings

    def listed_sources(self, names):
        listed = set()
        for name in names:
            if os.path.basename(name) != "CMakeLists.txt" and not name.endswith(".cmake"):
                continue
            with open(os.path.join(self.root, name), encoding="utf-8") as file:
                text = re.sub(r"#[^\n]*", "", file.read())
            for word in re.findall(r"[\w./${}-]+\.cpp", text):
                word = re.sub(r"^\$\{(CMAKE|PROJECT)_SOURCE_DIR\}/", "/", word)
                path = word[1:] if word[0] == "/" else os.path.join(os.path.dirname(name), word)
                listed.add(os.path.normpath(path))
        return listed

    def check_name(self, name):
        for part in name.split("/"):
            if VAGUE.search(part):
                self.report(name, 1, f"'{part}' says nothing; name it after the noun it holds")

    def check_text(self, name, text):
        lines = text.splitlines()
        first = lines[1:2] if lines[:1] and lines[0].startswith("#!") else lines[:1]
        if not first or "SPDX-License-Identifier: Apache-2.0" not in first[0]:
            self.report(name, 1, "no SPDX line; begin with SPDX-License-Identifier: Apache-2.0")
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS_MAX:
                self.report(name, number, f"{len(line)} columns; break it at {COLUMNS_MAX}")
            if line != line.rstrip():
                self.report(name, number, "blanks at the end of the line; remove them")

    def check_code(self, name, text):
        code = blank_comments(text)
        lines = text.count("\n")
        limit = CPP_LINES_MAX if name.endswith(".cpp") else HPP_LINES_MAX
        if lines > limit and not is_test(name):
            self.report(name, limit, f"{lines} lines, at most {limit}; split it by noun")
        if not is_test(name):
            for line, length in long_functions(code):
                self.report(name, line, f"a function of {length} lines, at most "
                            f"{FUNCTION_LINES_MAX}; take a step out of it and name it")
        if name.endswith(".hpp"):
            self.check_header(name, text, code)
        if name.startswith("src/"):
            self.check_ladder(name, text)
            if PURE.match(name) and not is_test(name) and name not in PURE_EXEMPT:
                self.check_bans(name, text, code)

    def check_header(self, name, text, code):
        if not re.search(r"^#pragma once$", text, re.M):
            self.report(name, 1, "no include guard; write #pragma once")
        for found in re.finditer(r"\busing\s+namespace\b", code):
            self.report(name, self.line_at(code, found), "using namespace in a header; spell the "
                        "names out")
        for found in re.finditer(r"#include <boost/(asio|beast)", text):
            self.report(name, self.line_at(text, found), "Asio or Beast in a header; include it "
                        "in the .cpp and hide it behind an own type")

    def check_bans(self, name, text, code):
        for pattern, what, instead in BANS:
            where = text if pattern.pattern.startswith("#include") else code
            for found in pattern.finditer(where):
                if where is text and not code[found.start():].startswith("#include"):
                    continue  # inside a comment
                self.report(name, self.line_at(where, found), f"{what} in a pure room; {instead}")

    def check_ladder(self, name, text):
        folder = os.path.dirname(name)[len("src/"):]
        if folder and room_of(folder) is None:
            self.report(name, 1, f"src/{folder} is no room of the ladder; add a row to "
                        "tools/tidy.py and a decision record, or move the file")
            return
        for found in re.finditer(r'^\s*#\s*include "([^"]+)"', text, re.M):
            path = found.group(1)
            line = self.line_at(text, found)
            if GENERATED.match(path):
                continue
            target = os.path.dirname(path)
            if path.startswith(".") or not target:
                self.report(name, line, f'"{path}" is relative; write it from the source root')
            elif not may_include(folder, target):
                row = room_of(folder) or "main.cpp"
                allowed = ", ".join(LADDER.get(row, MAIN)) or "nothing but std and fmt"
                self.report(name, line, f'"{path}": {row} may not include {target}; it may '
                            f"include {allowed} (a new arrow is a decision record)")

    @staticmethod
    def line_at(text, found):
        begin = found.start() + len(found.group()) - len(found.group().lstrip())
        return text.count("\n", 0, begin) + 1


def main():
    default = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    root = sys.argv[1] if len(sys.argv) > 1 else default
    findings = Tidy(root).run()
    for finding in findings:
        print(finding)
    if findings:
        print(f"{len(findings)} findings", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
