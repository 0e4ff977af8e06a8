import CSILock

/// A device on Linux, held open.
final class LinuxHeldDevice: HeldDevice {
    private let descriptor: Guarded<OwnedDescriptor?>

    init(_ descriptor: consuming OwnedDescriptor) {
        self.descriptor = Guarded(consume descriptor)
    }

    func release() {
        descriptor.withLock { $0 = nil }
    }
}
