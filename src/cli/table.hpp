// SPDX-License-Identifier: Apache-2.0
// A table for a person: columns as wide as they need, headings in bold on a terminal.
#pragma once

#include <string>
#include <vector>

namespace mesolith::cli {

class Table {
 public:
  explicit Table(std::vector<std::string> headings) : rows_{std::move(headings)} {}
  void add(std::vector<std::string> row) {
    rows_.push_back(std::move(row));
  }  // as many cells as headings
  void print() const;  // to stdout

 private:
  std::vector<std::vector<std::string>> rows_;
};

// An error to stderr, in the form "mesolith: <message>"; returns the exit status 1.
int fail(const std::string& message);

}  // namespace mesolith::cli
