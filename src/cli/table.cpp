// SPDX-License-Identifier: Apache-2.0
#include "cli/table.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace mesolith::cli {

void Table::print() const {
  const bool terminal = isatty(STDOUT_FILENO) == 1;
  std::vector<size_t> widths(rows_.front().size());
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (size_t r = 0; r < rows_.size(); ++r) {
    std::string line;
    for (size_t i = 0; i < rows_[r].size(); ++i) {
      const bool last = i + 1 == rows_[r].size();
      line += last ? rows_[r][i] : fmt::format("{:<{}}  ", rows_[r][i], widths[i]);
    }
    fmt::print("{}{}{}\n", terminal && r == 0 ? "\x1b[1m" : "", line,
               terminal && r == 0 ? "\x1b[0m" : "");
  }
}

int fail(const std::string& message) {
  fmt::print(stderr, "mesolith: {}\n", message);
  return 1;
}

}  // namespace mesolith::cli
