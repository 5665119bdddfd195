// SPDX-License-Identifier: Apache-2.0
// The task of the launch benchmarks: linked statically, it ends at once.
int main() {
  return 0;
}
