// SPDX-License-Identifier: Apache-2.0
// Linked with one whole archive and the libraries it names: an undefined symbol is an arrow that
// nobody declared.
int main() { return 0; }
