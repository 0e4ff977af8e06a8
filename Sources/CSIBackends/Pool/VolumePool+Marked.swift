public import CSICore
import CSIHost
import CSILock
import Logging
import SystemPackage

/// Volumes that a backend has marked in their attributes.
extension VolumePool {
    /// The records of the volumes whose ids begin with a prefix and that have an attribute, in the order of their ids.
    ///
    /// A process that manages the pool knows the attributes; any other reads the records with the prefix, and no other.
    public func records(
        withPrefix prefix: String, having attribute: String
    ) async throws(CSIError) -> [VolumeRecord] {
        let tree = try tree()
        let names: [String]
        if access == .manage {
            names = state.withLock { $0.volumes.all.filter { $0.attributes[attribute] != nil }.map(\.id.rawValue) }
        } else {
            names = try await withHostErrors { () async throws(HostError) in
                try await tree.list(PoolLayout.volumes, limit: .max).map(\.name.string)
            }
        }
        var found: [VolumeRecord] = []
        for name in names where name.hasPrefix(prefix) && !name.hasSuffix(PoolLayout.partialSuffix) {
            do throws(CSIError) {
                guard let record: VolumeRecord = try await read(name, in: tree) else { continue }
                if record.attributes[attribute] != nil { found.append(record) }
            } catch {
                logger.warning(
                    "volume left alone: its record cannot be used",
                    metadata: ["volume": "\(name)", "error": "\(error.message)"])
            }
        }
        return found
    }
}
