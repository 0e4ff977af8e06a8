package import SystemPackage

extension BlockDeviceSelector {
    /// A path for messages.
    package var place: FilePath {
        switch self {
        case .path(let path): path
        case .number(let number): FilePath("/sys/dev/block/\(number)")
        case .serial, .worldWideID: "/dev"
        }
    }

    /// The error about a device that did not come.
    package func isAbsent(after duration: Duration) -> HostError {
        HostError(
            .waitForDevice, at: place, kind: .timedOut, detail: "\(self) did not appear within \(duration)")
    }

    /// The error about more devices than one that a selector means.
    package func isAmbiguous(_ devices: [BlockDevice]) -> HostError {
        let names = devices.map(\.name).sorted().joined(separator: ", ")
        return HostError(
            .waitForDevice, at: place, kind: .notVerified,
            detail: "\(self) is reported by more than one device (\(names)); select it by its path")
    }
}
