/// The disks behind a fake cloud's volumes, and the droplets that they are plugged into.
package protocol FakeMachines: Sendable {
    /// Makes the disk of a volume: of zeros, or with the content of a snapshot.
    func create(_ volume: FakeVolume, from snapshot: String?)
    /// Removes the disk of a volume, wherever it is plugged in.
    func remove(_ volume: FakeVolume)
    /// Plugs the disk into a droplet.
    func attach(_ volume: FakeVolume, to droplet: Int)
    /// Pulls the disk out of a droplet.
    func detach(_ volume: FakeVolume, from droplet: Int)
    /// Makes the disk as large as the volume.
    func grow(_ volume: FakeVolume)
    /// Keeps the disk's content.
    func takeSnapshot(_ id: String, of volume: FakeVolume)
    /// Forgets a kept content.
    func removeSnapshot(_ id: String)
}

/// A volume of a fake cloud.
package struct FakeVolume: Sendable, Hashable {
    package var id: String
    package var name: String
    package var description = ""
    package var region: String
    /// In GiB.
    package var size: Int64
    package var droplets: [Int] = []

    /// The name of the link that a droplet's udevd makes.
    package var link: String { "scsi-0DO_Volume_\(name)" }
}

/// A snapshot of a fake cloud.
package struct FakeSnapshot: Sendable, Hashable {
    package var id: String
    package var name: String
    package var volume: String
    package var size: Int64
}

/// Something that a fake cloud does while others wait.
struct FakeAction: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        case attach(Int)
        case detach(Int)
        case resize(Int64)
    }

    let id: Int
    let volume: String
    let kind: Kind
    let end: Duration
    let fails: Bool
    var status = "in-progress"

    var type: String {
        switch kind {
        case .attach: "attach_volume"
        case .detach: "detach_volume"
        case .resize: "resize"
        }
    }

    var droplet: Int? {
        switch kind {
        case .attach(let droplet), .detach(let droplet): droplet
        case .resize: nil
        }
    }
}
