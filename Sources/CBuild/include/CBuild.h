// What a build says about itself.
#pragma once

/// The commit that the program was released from; empty unless dev/release has written one into the program's file.
const char *csi_build_commit(void);
