import CLinux
import CUdev

/// Hears from the kernel that block devices come, change and go, for one call on one thread.
struct UdevMonitor: ~Copyable {
    /// Nil where listening is not allowed: then every wait takes its whole time.
    private let raw: OpaquePointer?

    /// Starts to listen.
    ///
    /// It listens to the kernel itself: what udevd passes on arrives only where a udevd runs.
    init(_ context: borrowing UdevContext) {
        guard let raw = udev_monitor_new_from_netlink(context.raw, "kernel") else {
            self.raw = nil
            return
        }
        guard udev_monitor_filter_add_match_subsystem_devtype(raw, "block", nil) >= 0,
            udev_monitor_enable_receiving(raw) >= 0
        else {
            udev_monitor_unref(raw)
            self.raw = nil
            return
        }
        self.raw = raw
    }

    deinit {
        if let raw { udev_monitor_unref(raw) }
    }

    /// Waits until there is news, or the time is over; takes all the news there is.
    func wait(milliseconds: CInt) {
        guard let raw else {
            _ = clinux_sleep_milliseconds(milliseconds)
            return
        }
        guard clinux_poll_readable(udev_monitor_get_fd(raw), milliseconds) > 0 else { return }
        while let device = udev_monitor_receive_device(raw) { udev_device_unref(device) }
    }
}
