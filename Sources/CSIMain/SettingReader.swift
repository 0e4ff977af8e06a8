/// Reads settings one by one and collects what is wrong with them, so that an operator sees all mistakes at once.
struct SettingReader {
    private let options: DriverOptions
    private let nodeOptions: NodeOptions?
    private let environment: [String: String]
    private(set) var mistakes: [String] = []

    /// - Parameter nodeOptions: Nil for a program that does not know them.
    init(options: DriverOptions, nodeOptions: NodeOptions?, environment: [String: String]) {
        self.options = options
        self.nodeOptions = nodeOptions
        self.environment = environment
    }

    /// A setting that must be given; nil after a mistake.
    mutating func read<Value>(
        _ setting: Setting, parse: (String) throws(ConfigurationMistake) -> Value
    ) -> Value? {
        guard let (text, origin) = text(of: setting) else {
            mistakes.append("\(setting.name) is required")
            return nil
        }
        return parsed(text, origin, parse)
    }

    /// A setting that may be left out, which is nil; nil after a mistake, too.
    mutating func readOptional<Value>(
        _ setting: Setting, parse: (String) throws(ConfigurationMistake) -> Value
    ) -> Value? {
        guard let (text, origin) = text(of: setting) else { return nil }
        return parsed(text, origin, parse)
    }

    /// A setting with a default, in the form that a flag would have; nil after a mistake.
    mutating func read<Value>(
        _ setting: Setting, default value: String, parse: (String) throws(ConfigurationMistake) -> Value
    ) -> Value? {
        let (text, origin) = text(of: setting) ?? (value, setting.flag)
        return parsed(text, origin, parse)
    }

    /// Notes a mistake that shows only once several settings are known.
    mutating func report(_ setting: Setting, _ mistake: ConfigurationMistake) {
        mistakes.append("\(text(of: setting)?.origin ?? setting.name): \(mistake.reason)")
    }

    /// Notes flags and variables of ours that do not exist.
    mutating func reportUnknown() {
        for argument in options.unrecognized { mistakes.append("\(argument) is not known; see --help") }
        let known = Set((Setting.common + (nodeOptions == nil ? [] : Setting.node)).map(\.variable))
        for name in environment.keys.sorted() where name.hasPrefix(Setting.prefix) && !known.contains(name) {
            mistakes.append("the environment variable \(name) is not known; see --help")
        }
    }

    /// Whether somebody set it.
    func isSet(_ setting: Setting) -> Bool { text(of: setting) != nil }

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
        if let flag = options.value(of: setting) ?? nodeOptions?.value(of: setting) { return (flag, setting.flag) }
        if let variable = environment[setting.variable], !variable.isEmpty { return (variable, setting.variable) }
        return nil
    }
}
