public import CSICore
public import CSIPool

/// What is known of the file system on a volume's device, kept where it cannot be separated from the volume's bytes.
///
/// A note that a node keeps of a volume that can leave the node would lie one day, and cost the volume's data: where there is no
/// such place, have none, and let ``BlockVolume/Origin`` decide.
public protocol FormatNotes: Sendable {
    /// What is known of the file system; nil when there never was one.
    /// - Throws: FAILED_PRECONDITION when the note is there and cannot be used.
    func formatState(of id: VolumeID) async throws(CSIError) -> FormatState?

    /// Keeps what is known of the file system, durably; nil for that there never was one.
    func setFormatState(_ state: FormatState?, of id: VolumeID) async throws(CSIError)
}

/// How a node has staged raw block volumes: nothing is mounted for them, so the kernel cannot tell.
public protocol StagingNotes: Sendable {
    /// How the raw block volume is staged; nil when it is not, or not known to be.
    func stagedBlock(of id: VolumeID) async throws(CSIError) -> StagedBlock?

    /// Keeps how the raw block volume is staged, durably; nil for not at all.
    func setStagedBlock(_ staged: StagedBlock?, of id: VolumeID) async throws(CSIError)
}

extension VolumePool: FormatNotes, StagingNotes {}
