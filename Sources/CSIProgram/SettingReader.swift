public import CSICore
public import CSITransport
public import Logging
public import SystemPackage

/// Reads settings one by one and collects what is wrong with them, so that an operator sees all mistakes at once.
///
/// ```swift
/// let node = settings.nodeID(Setting(flag: "--node-id", variable: "SCRATCH_NODE_ID"))
/// let root = settings.absolutePath(Setting(flag: "--root", variable: "SCRATCH_ROOT"))
/// guard let node, let root else { return nil }          // the mistakes are noted already
/// ```
public struct SettingReader {
    private let environment: [String: String]
    private let flags: (Setting) -> String?

    /// What is wrong so far, one line for each mistake.
    public private(set) var mistakes: [String] = []

    /// The settings that were asked for, with their defaults, in order.
    private(set) var known: [(setting: Setting, defaultValue: String?)] = []

    /// Creates a reader.
    /// - Parameters:
    ///   - environment: The environment variables.
    ///   - flags: The value that a setting's flag was given on the command line; nil when it was not.
    public init(environment: [String: String], flags: @escaping (Setting) -> String?) {
        self.environment = environment
        self.flags = flags
    }

    /// A setting that must be given; nil after a mistake.
    public mutating func read<Value>(
        _ setting: Setting, parse: (String) throws(ConfigurationMistake) -> Value
    ) -> Value? {
        known.append((setting, nil))
        guard let (text, origin) = text(of: setting) else {
            mistakes.append("\(setting.name) is required")
            return nil
        }
        return parsed(text, origin, parse)
    }

    /// A setting that may be left out, which is nil; nil after a mistake, too.
    public mutating func readOptional<Value>(
        _ setting: Setting, parse: (String) throws(ConfigurationMistake) -> Value
    ) -> Value? {
        known.append((setting, ""))
        guard let (text, origin) = text(of: setting) else { return nil }
        return parsed(text, origin, parse)
    }

    /// A setting with a default, in the form that a flag would have; nil after a mistake.
    public mutating func read<Value>(
        _ setting: Setting, default value: String, parse: (String) throws(ConfigurationMistake) -> Value
    ) -> Value? {
        known.append((setting, value))
        let (text, origin) = text(of: setting) ?? (value, setting.flag)
        return parsed(text, origin, parse)
    }

    /// Notes a mistake that shows only once several settings are known.
    public mutating func report(_ setting: Setting, _ mistake: ConfigurationMistake) {
        mistakes.append("\(text(of: setting)?.origin ?? setting.name): \(mistake.reason)")
    }

    /// Notes flags and variables that do not exist.
    /// - Parameters:
    ///   - arguments: What the command line has beside known flags and their values.
    ///   - prefix: Variables that begin with this are the program's own, so one that was not asked for is a mistake.
    public mutating func reportUnknown(arguments: [String], variablePrefix prefix: String) {
        for argument in arguments { mistakes.append("\(argument) is not known; see --help") }
        let variables = Set(known.map(\.setting.variable))
        for name in environment.keys.sorted() where name.hasPrefix(prefix) && !variables.contains(name) {
            mistakes.append("the environment variable \(name) is not known; see --help")
        }
    }

    private mutating func parsed<Value>(
        _ text: String, _ origin: String, _ parse: (String) throws(ConfigurationMistake) -> Value
    ) -> Value? {
        do throws(ConfigurationMistake) {
            return try parse(text)
        } catch {
            mistakes.append("\(origin): \(error.reason)")
            return nil
        }
    }

    /// The value and where it came from.
    ///
    /// An empty variable counts as not set, as in manifests that fill it from elsewhere.
    private func text(of setting: Setting) -> (text: String, origin: String)? {
        if let flag = flags(setting) { return (flag, setting.flag) }
        if let variable = environment[setting.variable], !variable.isEmpty { return (variable, setting.variable) }
        return nil
    }
}

extension SettingReader {
    /// A socket; nil after a mistake.
    public mutating func endpoint(_ setting: Setting = .endpoint) -> Endpoint? {
        read(setting) { (text) throws(ConfigurationMistake) in
            do throws(EndpointError) {
                return try Endpoint(parsing: text)
            } catch {
                throw ConfigurationMistake("\(error)")
            }
        }
    }

    /// The id of a node; nil after a mistake.
    public mutating func nodeID(_ setting: Setting) -> NodeID? {
        read(setting) { (text) throws(ConfigurationMistake) in
            do throws(CSIError) {
                return try NodeID(text)
            } catch {
                throw ConfigurationMistake(error)
            }
        }
    }

    /// The absolute path of something on this machine; nil after a mistake.
    public mutating func absolutePath(_ setting: Setting) -> FilePath? {
        read(setting) { (text) throws(ConfigurationMistake) in
            let path = FilePath(text)
            guard path.isAbsolute else { throw ConfigurationMistake("must be an absolute path, and is \"\(text)\"") }
            return path
        }
    }

    /// A number that must be more than 0, with a default; nil after a mistake.
    public mutating func positiveNumber(_ setting: Setting, default value: Int64) -> Int64? {
        read(setting, default: "\(value)") { (text) throws(ConfigurationMistake) in
            guard let number = Int64(text), number > 0 else {
                throw ConfigurationMistake("must be a whole number above 0, and is \"\(text)\"")
            }
            return number
        }
    }

    /// The address of an HTTP service without a slash at its end, with a default; nil after a mistake.
    public mutating func serviceAddress(_ setting: Setting, default value: String) -> String? {
        read(setting, default: value) { (text) throws(ConfigurationMistake) in
            guard text.hasPrefix("https://") || text.hasPrefix("http://") else {
                throw ConfigurationMistake("must begin with https:// or http://, and is \"\(text)\"")
            }
            return text.hasSuffix("/") ? String(text.dropLast()) : text
        }
    }

    /// Text that may be left out, which is nil.
    public mutating func optionalText(_ setting: Setting) -> String? {
        readOptional(setting) { (text) throws(ConfigurationMistake) in text }
    }

    /// The lowest level that is logged, `info` unless said otherwise; nil after a mistake.
    public mutating func logLevel(_ setting: Setting) -> Logger.Level? {
        read(setting, default: "info") { (text) throws(ConfigurationMistake) in
            guard let level = Logger.Level(rawValue: text) else {
                throw .oneOf(Logger.Level.allCases.map(\.rawValue), not: text)
            }
            return level
        }
    }

    /// How log lines look, `text` unless said otherwise; nil after a mistake.
    public mutating func logFormat(_ setting: Setting) -> LogFormat? {
        read(setting, default: "text") { (text) throws(ConfigurationMistake) in
            guard let format = LogFormat(rawValue: text) else {
                throw .oneOf(LogFormat.allCases.map(\.rawValue), not: text)
            }
            return format
        }
    }
}
