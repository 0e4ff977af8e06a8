internal import Glibc
public import Logging

/// Writes each event as one line to standard error, in one system call, so that lines of threads never mix.
///
/// Control characters in messages and values are escaped: what a caller sends cannot forge a line.
public struct LineLogHandler: LogHandler {
    /// Events below this level are dropped.
    public var logLevel: Logger.Level

    /// Added to each line.
    public var metadata: Logger.Metadata = [:]

    /// Added to each line, from the task's context.
    public var metadataProvider: Logger.MetadataProvider?

    private let format: LogFormat
    private let descriptor: Int32

    /// Creates a handler.
    /// - Parameters:
    ///   - format: How lines look.
    ///   - level: Events below it are dropped.
    ///   - descriptor: Where lines go; standard error unless a test says otherwise.
    public init(format: LogFormat, level: Logger.Level, descriptor: Int32 = 2) {
        self.format = format
        self.logLevel = level
        self.descriptor = descriptor
    }

    /// One item of metadata.
    public subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes one event.
    public func log(event: LogEvent) {
        let own = event.metadata ?? [:]
        let provided = metadataProvider?.get() ?? [:]
        // What is nearer to the event wins.
        var pairs: [(key: String, value: Logger.MetadataValue)] = []
        pairs.reserveCapacity(own.count + provided.count + metadata.count)
        for (key, value) in own { pairs.append((key, value)) }
        for (key, value) in provided where own[key] == nil { pairs.append((key, value)) }
        for (key, value) in metadata where own[key] == nil && provided[key] == nil { pairs.append((key, value)) }
        pairs.sort { $0.key < $1.key }
        var line = LogLine(format: format)
        line.begin(level: event.level, message: event.message.description)
        for (key, value) in pairs { line.add(key, value.description) }
        if let error = event.error { line.add("error", "\(error)") }
        line.end()
        line.bytes.withUnsafeBytes { buffer in
            var rest = buffer
            while let base = rest.baseAddress, !rest.isEmpty {
                let written = write(descriptor, base, rest.count)
                // A log that cannot be written has nowhere to be reported.
                guard written > 0 else {
                    if errno == EINTR { continue }
                    return
                }
                rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            }
        }
    }
}
