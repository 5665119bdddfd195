// Linked with one whole archive and the libraries it names: an undefined symbol is an arrow nobody declared.
int main() { return 0; }
