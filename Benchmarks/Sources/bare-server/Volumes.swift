import BenchmarkMessages
import CSIProto
import Synchronization

/// The thousand volumes that a list call answers with.
final class Volumes: Sendable {
    private let made = Mutex<[CSIv1.ListVolumesResponse.Entry]?>(nil)

    /// The same for every call.
    var entries: [CSIv1.ListVolumesResponse.Entry] {
        made.withLock { made in
            if let made { return made }
            let entries = BenchmarkMessages.volumes()
            made = entries
            return entries
        }
    }
}
