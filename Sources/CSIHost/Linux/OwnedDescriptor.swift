import CLinux

/// A file descriptor with exactly one owner, closed when the owner is done with it.
struct OwnedDescriptor: ~Copyable, Sendable {
    /// The number, for system calls while the owner is alive.
    let raw: CInt

    /// Takes over an open descriptor.
    init(adopting raw: CInt) {
        self.raw = raw
    }

    deinit {
        // Linux frees the number whatever close reports, so there is nothing to retry; data errors are fsync's to report.
        _ = clinux_close(raw)
    }
}
