public import CSICore

extension CreateVolume {
    /// The answer when what a new volume shall be filled with is not in this node's pool.
    ///
    /// A caller that says from where the volume must be reachable can look for another node, which may have the source; for
    /// any other it does not exist.
    /// - Parameter source: The snapshot or volume.
    /// - Returns: RESOURCE_EXHAUSTED when the request carries accessibility requirements, NOT_FOUND otherwise.
    public func missing(_ source: Resource) -> CSIError {
        guard accessibility != nil else { return .notFound(source) }
        return .notOnThisNode("\(source) is not in the pool of this node, and cannot be copied from another one")
    }
}
