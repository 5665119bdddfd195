// SPDX-License-Identifier: Apache-2.0
// T4's agent: the product's own, in a process that first makes so many MiB resident (argv[1]). The
// launcher is this program too, as it is of the product's binary, without the ballast.
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "agent/shell/flags.hpp"
#include "launcher/launcher.hpp"

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty()) return 2;
  const auto rest = std::span(words).subspan(1);
  if (words[0] == "launcher") return mesolith::launcher::launcher_main(rest);
  std::vector<char> ballast(std::strtoull(words[0].c_str(), nullptr, 10) << 20);
  std::memset(ballast.data(), 1, ballast.size());
  const int status = mesolith::agent::agent_main(rest);
  return ballast.empty() || ballast.back() == 1 ? status : 3;
}
