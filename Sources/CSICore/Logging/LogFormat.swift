/// How log lines look.
public enum LogFormat: String, Sendable, Hashable, CaseIterable {
    /// `2026-01-31T12:00:00.000Z info call method=Probe code=OK`.
    case text
    /// One JSON object per line.
    case json
}
