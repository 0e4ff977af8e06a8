import CSICore
import CSIHost
import CSILock
import CSIPool

/// The note that mkfs begins on a volume: made once its device was found blank, and durable before anything is written there.
final class FormatStart: Sendable {
    private let state: FormatState
    private let id: VolumeID
    private let notes: (any FormatNotes)?
    private let outcome = Guarded<Result<Void, CSIError>?>(nil)

    init(of kind: FileSystemKind, in id: VolumeID, _ notes: (any FormatNotes)?) {
        state = .started(type: kind.rawValue)
        self.id = id
        self.notes = notes
    }

    /// Whether the note is there.
    var wasNoted: Bool { if case .success = outcome.withLock({ $0 }) { true } else { false } }

    /// Why it could not be made; nil when it could, or was not tried.
    var failure: CSIError? { if case .failure(let error) = outcome.withLock({ $0 }) { error } else { nil } }

    /// Makes the note.
    /// - Throws: an error that stands for ``failure``.
    func note() async throws(HostError) {
        do throws(CSIError) {
            try await notes?.setFormatState(state, of: id)
            outcome.withLock { $0 = .success(()) }
        } catch {
            outcome.withLock { $0 = .failure(error) }
            throw HostError(.makeFileSystem, at: nil, kind: .cancelled, detail: error.message)
        }
    }
}
