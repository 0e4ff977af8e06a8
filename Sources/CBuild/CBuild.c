#include "CBuild.h"

// dev/release looks for the mark in the finished program and writes the commit behind it. Volatile: the compiler must not
// take the bytes that it sees here for those that will be there.
__attribute__((used)) static volatile const char stamp[64] = "swift-csi-commit:";

const char *csi_build_commit(void) {
    return (const char *)stamp + sizeof "swift-csi-commit:" - 1;
}
