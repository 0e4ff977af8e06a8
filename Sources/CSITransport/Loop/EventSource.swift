/// Something with a descriptor that an event loop watches.
class EventSource {
    /// The descriptor; -1 once closed.
    final var descriptor: Int32

    /// The epoll events that are asked for.
    final var interest: UInt32 = 0

    /// A source of this descriptor, which it owns from now on.
    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// Called on the loop's thread with the epoll events that are ready.
    func ready(_ events: UInt32) {}
}
