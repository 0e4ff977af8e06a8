import Synchronization

/// A device on Linux, held open.
final class LinuxHeldDevice: HeldDevice {
    private let descriptor: Mutex<OwnedDescriptor?>

    init(_ descriptor: consuming OwnedDescriptor) {
        self.descriptor = Mutex(consume descriptor)
    }

    func release() {
        descriptor.withLock { $0 = nil }
    }
}
