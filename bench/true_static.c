/* SPDX-License-Identifier: Apache-2.0
 * The task of the launch benchmarks: it ends at once, linked statically. */
int main(void) { return 0; }
