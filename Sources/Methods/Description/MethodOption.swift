/// The name by which a method's option is looked up.
package protocol MethodOptionKey: Sendable {
    /// As on the command line, without dashes: "discard-ratio".
    var name: String { get }
}

/// An option of methods: a name, and what it takes.
package struct MethodOption<Value: Sendable>: MethodOptionKey {
    package let name: String
    /// What the value is called in the help: "n".
    package let valueName: String?
    /// The option that says the same to other methods: what fuses heads is `fusion` to some, `head-fusion` to others.
    package let counterpart: String?
    /// The value as a resumable job's identity has it.
    let text: @Sendable (Value) -> String

    package init(
        _ name: String, valueName: String? = nil, counterpart: String? = nil,
        text: @escaping @Sendable (Value) -> String = { "\($0)" }
    ) {
        self.name = name
        self.valueName = valueName
        self.counterpart = counterpart
        self.text = text
    }
}

/// An option whatever it takes.
package struct AnyMethodOption: MethodOptionKey {
    package let name: String
    package let valueName: String?
    package let counterpart: String?
    /// The value as a resumable job's identity has it; nil where the option was not given.
    package let text: @Sendable (MethodSettings) -> String?

    init<Value>(_ option: MethodOption<Value>) {
        name = option.name
        valueName = option.valueName
        counterpart = option.counterpart
        text = { settings in settings[option].map(option.text) }
    }
}

/// How an option belongs to a method.
package struct MethodOptionUse: Sendable {
    package let option: AnyMethodOption
    /// What it does for the method, as a sentence of the help without its full stop.
    package let help: String
    /// What holds where it is not given, as the help has it.
    package let standard: String?
    /// Whether an option that takes a list takes one value here.
    package let takesOneValue: Bool

    package init<Value>(
        _ option: MethodOption<Value>, _ help: String, standard: String? = nil, takesOneValue: Bool = false
    ) {
        self.option = AnyMethodOption(option)
        self.help = help
        self.standard = standard
        self.takesOneValue = takesOneValue
    }
}

/// The options of a method as they were given.
package struct MethodSettings: Sendable {
    private var values: [String: any Sendable] = [:]

    package init() {}

    /// Nil where the option was not given.
    package subscript<Value: Sendable>(option: MethodOption<Value>) -> Value? {
        get { values[option.name] as? Value }
        set { values[option.name] = newValue }
    }

    package func isGiven(_ option: some MethodOptionKey) -> Bool { values[option.name] != nil }
}
