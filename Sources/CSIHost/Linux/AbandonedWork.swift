/// What a child process was left behind with, so that no second one is sent after it.
struct AbandonedWork: Hashable {
    private let name: String

    /// A call that concerns a device.
    init(_ call: String, of device: DeviceNumber) {
        name = "\(call) \(device)"
    }

    /// An unmount of one mount in one way.
    init(unmounting mount: MountEntry, flags: Int32) {
        name = "unmount \(mount.mountID) \(mount.mountPoint) \(flags)"
    }
}
