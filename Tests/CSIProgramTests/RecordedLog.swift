import Logging
import Synchronization

/// A log that keeps what is written into it, as the lines that a test makes of it.
final class RecordedLog: Sendable {
    private struct Handler: LogHandler {
        let log: RecordedLog
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]

        init(log: RecordedLog) {
            self.log = log
        }

        subscript(metadataKey key: String) -> Logger.MetadataValue? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            guard let line = log.line(event) else { return }
            log.kept.withLock { $0.append(line) }
        }
    }

    private let kept = Mutex<[String]>([])
    private let line: @Sendable (LogEvent) -> String?

    /// - Parameter line: What is kept of an event; nil for nothing.
    init(_ line: @escaping @Sendable (LogEvent) -> String?) {
        self.line = line
    }

    var lines: [String] { kept.withLock { $0 } }

    var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }
}
