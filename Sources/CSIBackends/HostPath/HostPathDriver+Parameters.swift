public import CSICore

extension HostPathDriver {
    /// The keys of classes that the backend knows; any other is refused by name.
    public static let parameters: [ParameterDescription] = []
}
