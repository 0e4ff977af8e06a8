import BenchmarkMessages
import CSIProto
import Synchronization

/// What calls answer with.
final class Volumes: Sendable {
    /// The volume that a create call answers with, but for its size.
    static let created = BenchmarkMessages.createdVolume()

    private let made = Mutex<[CSIv1.ListVolumesResponse.Entry]?>(nil)

    /// The thousand volumes that a list call answers with; the same for every call.
    var entries: [CSIv1.ListVolumesResponse.Entry] {
        made.withLock { made in
            if let made { return made }
            let entries = BenchmarkMessages.volumes()
            made = entries
            return entries
        }
    }
}
