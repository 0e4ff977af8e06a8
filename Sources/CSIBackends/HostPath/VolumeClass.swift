import CSICore
import CSIPool
import SystemPackage

/// What a StorageClass, and a VolumeAttributesClass where there is one, ask of a volume.
struct VolumeClass: Sendable {
    private enum Key {
        static let pool = "pool"
        static let mode = "mode"
        static let userID = "uid"
        static let groupID = "gid"
    }

    /// Pods run as any user; only the way to the directory, below the pool, is closed to others.
    private static let standardMode: CInterop.Mode = 0o777

    /// The name of the pool; nil leaves the choice to the driver.
    let pool: String?
    /// The directory that pods see.
    let data: DataDirectory
    let settings: VolumeSettings

    /// Reads parameters; unknown keys are refused by name.
    init(_ parameters: Parameters, mutable: Parameters = Parameters(field: "mutable_parameters")) throws(CSIError) {
        var reader = parameters.reader()
        pool = reader.take(Key.pool).flatMap { $0.isEmpty ? nil : $0 }
        let mode = try reader.take(Key.mode).map { (text) throws(CSIError) in try Self.mode(text, parameters) }
        let userID = try Self.number(reader.take(Key.userID), Key.userID, parameters)
        let groupID = try Self.number(reader.take(Key.groupID), Key.groupID, parameters)
        var settings = VolumeSettings()
        try settings.apply(&reader, parameters)
        try reader.finish()
        try settings.apply(mutable)
        self.settings = settings
        data = DataDirectory(
            permissions: FilePermissions(rawValue: mode ?? Self.standardMode), userID: userID, groupID: groupID,
            isLimited: true)
    }

    private static func mode(_ text: String, _ parameters: Parameters) throws(CSIError) -> CInterop.Mode {
        guard (3...5).contains(text.utf8.count), let mode = CInterop.Mode(text, radix: 8), mode <= 0o7777 else {
            throw parameters.refusal(of: Key.mode, "must be octal, such as 0750, and is \"\(text)\"")
        }
        return mode
    }

    private static func number(_ text: String?, _ key: String, _ parameters: Parameters) throws(CSIError) -> UInt32? {
        guard let text else { return nil }
        // All ones means nobody to the kernel.
        guard let number = UInt32(text), number < .max else {
            throw parameters.refusal(of: key, "must be a number below \(UInt32.max), and is \"\(text)\"")
        }
        return number
    }
}
