import CLinux

/// The allocator.
enum CMemory {
    /// Gives free memory back to the kernel.
    static func release() {
        csi_release_free_memory()
    }
}
