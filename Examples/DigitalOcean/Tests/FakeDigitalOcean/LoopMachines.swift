import Foundation

/// Droplets on this machine: a volume is a sparse file, attaching it makes a loop device and the link that udevd would make, in a
/// directory of the droplet, which stands for its `/dev/disk`.
package struct LoopMachines: FakeMachines {
    private let root: URL

    /// - Parameter root: An existing directory; each droplet finds its links in `ID/by-id`.
    package init(_ root: String) {
        self.root = URL(filePath: root, directoryHint: .isDirectory)
    }

    /// The directory that is mounted at a droplet's `/dev/disk`.
    package func disks(of droplet: Int) -> String {
        let path = root.appending(path: "\(droplet)/by-id")
        try? FileManager.default.createDirectory(at: path, withIntermediateDirectories: true)
        return path.deletingLastPathComponent().path()
    }

    package func create(_ volume: FakeVolume, from snapshot: String?) {
        if let snapshot {
            run("cp", "--sparse=always", file(snapshot), file(volume.id))
        }
        run("truncate", "-s", "\(volume.size)G", file(volume.id))
    }

    package func remove(_ volume: FakeVolume) {
        for droplet in volume.droplets { detach(volume, from: droplet) }
        try? FileManager.default.removeItem(atPath: file(volume.id))
    }

    package func attach(_ volume: FakeVolume, to droplet: Int) {
        let device = run("losetup", "--find", "--show", file(volume.id))
        guard !device.isEmpty else { return }
        try? FileManager.default.createSymbolicLink(atPath: link(volume, droplet), withDestinationPath: device)
    }

    package func detach(_ volume: FakeVolume, from droplet: Int) {
        guard let device = try? FileManager.default.destinationOfSymbolicLink(atPath: link(volume, droplet)) else {
            return
        }
        try? FileManager.default.removeItem(atPath: link(volume, droplet))
        run("losetup", "--detach", device)
    }

    package func grow(_ volume: FakeVolume) {
        run("truncate", "-s", "\(volume.size)G", file(volume.id))
        for droplet in volume.droplets {
            guard let device = try? FileManager.default.destinationOfSymbolicLink(atPath: link(volume, droplet))
            else { continue }
            run("losetup", "--set-capacity", device)
        }
    }

    package func takeSnapshot(_ id: String, of volume: FakeVolume) {
        run("sync", file(volume.id))
        run("cp", "--sparse=always", file(volume.id), file(id))
    }

    package func removeSnapshot(_ id: String) {
        try? FileManager.default.removeItem(atPath: file(id))
    }

    private func file(_ id: String) -> String { root.appending(path: "\(id).img").path() }

    private func link(_ volume: FakeVolume, _ droplet: Int) -> String { disks(of: droplet) + "/by-id/" + volume.link }

    /// Runs a program and gives what it says; what fails shows in what the driver then sees.
    @discardableResult
    private func run(_ words: String...) -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words
        let output = Pipe()
        process.standardOutput = output
        do { try process.run() } catch { return "" }
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
